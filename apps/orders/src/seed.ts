import { connectPostgres } from '@app/postgres';
import { runCommand } from '@app/service';
import { ordersConfig } from './orders.config.js';
import type { OrdersTables } from './orders.tables.js';

const products = [
  { sku: 'keel', name: 'Keel', price_amount: 24_900, currency: 'EUR', stock: 100_000 },
  { sku: 'anchor', name: 'Anchor', price_amount: 8_950, currency: 'EUR', stock: 100_000 },
  { sku: 'compass', name: 'Compass', price_amount: 3_490, currency: 'EUR', stock: 100_000 },
  { sku: 'sextant', name: 'Sextant', price_amount: 15_900, currency: 'EUR', stock: 3 },
  { sku: 'lantern', name: 'Storm lantern', price_amount: 2_250, currency: 'EUR', stock: 100_000 },
];

/** Something to buy, for development. What is there already stays as it is. */
await runCommand(async () => {
  const db = connectPostgres<OrdersTables>(ordersConfig.parse().postgres);
  await db
    .insertInto('products')
    .values(products)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await db.destroy();
});
