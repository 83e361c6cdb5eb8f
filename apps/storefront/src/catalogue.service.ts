import { Cache } from '@app/cache';
import { Inject, Injectable } from '@nestjs/common';
import { OrdersClient } from './orders.client.js';
import { type StorefrontConfig, storefrontConfig } from './storefront.config.js';
import type { Product, ProductList } from './storefront.schemas.js';

/** Products, from the cache. */
@Injectable()
export class CatalogueService {
  private readonly ttlMs: number;

  constructor(
    private readonly cache: Cache,
    private readonly orders: OrdersClient,
    @Inject(storefrontConfig.KEY) config: StorefrontConfig,
  ) {
    this.ttlMs = config.catalogue.ttlMs;
  }

  list(): Promise<ProductList> {
    return this.cache.getOrLoad({ name: 'products', ttlMs: this.ttlMs, load: () => this.orders.products() });
  }

  find(sku: string): Promise<Product> {
    return this.cache.getOrLoad({ name: 'product', key: sku, ttlMs: this.ttlMs, load: () => this.orders.product(sku) });
  }
}
