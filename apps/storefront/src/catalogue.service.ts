import { Cache, type Cached } from '@app/cache';
import { ProblemException } from '@app/service';
import { Inject, Injectable } from '@nestjs/common';
import { OrdersClient } from './orders.client.js';
import { type StorefrontConfig, storefrontConfig } from './storefront.config.js';
import type { Product, ProductList } from './storefront.schemas.js';

/** Products, from the cache: stale ones while orders fails. */
@Injectable()
export class CatalogueService {
  private readonly terms;

  constructor(
    private readonly cache: Cache,
    private readonly orders: OrdersClient,
    @Inject(storefrontConfig.KEY) { catalogue }: StorefrontConfig,
  ) {
    this.terms = { ...catalogue, client: 'orders', isAnswer: (error: unknown) => error instanceof ProblemException };
  }

  list(): Promise<Cached<ProductList>> {
    return this.cache.getOrLoad({ ...this.terms, name: 'products', load: () => this.orders.products() });
  }

  find(sku: string): Promise<Cached<Product>> {
    return this.cache.getOrLoad({ ...this.terms, name: 'product', key: sku, load: () => this.orders.product(sku) });
  }
}
