import { ProblemException } from '@app/service';
import { Injectable } from '@nestjs/common';
import { Kysely, type Selectable } from 'kysely';
import type { OrdersTables } from '../orders.tables.js';
import { type Product, type ProductList } from './products.schemas.js';

/** The shop is small: a longer list would want pages. */
const longestList = 200;

@Injectable()
export class ProductsService {
  constructor(private readonly db: Kysely<OrdersTables>) {}

  async list(): Promise<ProductList> {
    const rows = await this.db.selectFrom('products').selectAll().orderBy('sku').limit(longestList).execute();
    return { items: rows.map(toProduct) };
  }

  async find(sku: string): Promise<Product> {
    const row = await this.db.selectFrom('products').selectAll().where('sku', '=', sku).executeTakeFirst();
    if (!row)
      throw new ProblemException({ status: 404, code: 'product_not_found', detail: `There is no product ${sku}.` });
    return toProduct(row);
  }
}

function toProduct({ sku, name, price_amount, currency, stock }: Selectable<OrdersTables['products']>): Product {
  return { sku, name, price: { amount: price_amount, currency }, stock };
}
