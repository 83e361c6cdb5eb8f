import { HttpClient } from '@app/resilience';
import { relayProblem } from '@app/service';
import { Injectable } from '@nestjs/common';
import type { Checkout, Order, OrderWithItems, Product, ProductList } from './storefront.schemas.js';

/** The orders service, as the edge uses it. What it says of our caller's request is passed on to our caller. */
@Injectable()
export class OrdersClient {
  constructor(private readonly http: HttpClient) {}

  async products(): Promise<ProductList> {
    return (await this.http.get<ProductList>('/products')).data;
  }

  product(sku: string): Promise<Product> {
    return relayProblem([404], async () => (await this.http.get<Product>(`/products/${encodeURIComponent(sku)}`)).data);
  }

  place(idempotencyKey: string, checkout: Checkout): Promise<Order> {
    const headers = { 'Idempotency-Key': idempotencyKey };
    return relayProblem(
      [400, 402, 409, 422],
      async () => (await this.http.post<Order>('/orders', checkout, { headers })).data,
    );
  }

  order(id: string): Promise<OrderWithItems> {
    return relayProblem(
      [404],
      async () => (await this.http.get<OrderWithItems>(`/orders/${encodeURIComponent(id)}`)).data,
    );
  }
}
