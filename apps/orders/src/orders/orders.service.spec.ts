import { randomUUID } from 'node:crypto';
import { connectPostgres, migrate } from '@app/postgres';
import { ProblemException } from '@app/service';
import { logger } from '@app/telemetry';
import { type PostgresServer, startPostgres } from '@app/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Kysely, sql } from 'kysely';
import { PinoLogger } from 'nestjs-pino';
import { migrations } from '../migrations/index.js';
import { type OrdersConfig, ordersConfig } from '../orders.config.js';
import type { OrdersTables } from '../orders.tables.js';
import type { PaymentRequest, PaymentsClient } from '../payments.client.js';
import type { CreateOrder } from './orders.schemas.js';
import { OrdersService } from './orders.service.js';
import { OrdersWorker } from './orders.worker.js';

type Answer = Awaited<ReturnType<PaymentsClient['authorise']>>;

/** Payments as we need it here: away, or of one mind. */
class FakePayments implements Pick<PaymentsClient, 'authorise'> {
  readonly asked: PaymentRequest[] = [];
  away = false;

  async authorise(payment: PaymentRequest): Promise<Answer> {
    this.asked.push(payment);
    if (this.away) throw new Error('payments is away');
    return payment.method === 'card' ? 'authorised' : 'declined';
  }
}

const keel: CreateOrder = { items: [{ sku: 'keel', quantity: 2 }], paymentMethod: 'card' };
const declined: CreateOrder = { ...keel, paymentMethod: 'card-declined' };

let server: PostgresServer;
let config: OrdersConfig;
let db: Kysely<OrdersTables>;
let payments: FakePayments;
let orders: OrdersService;

beforeAll(async () => {
  server = await startPostgres();
  config = ordersConfig.parse({ DATABASE_URL: await server.database('orders'), SETTLE_AFTER_MS: '60000' });
  await migrate(config.postgres, migrations);
  db = connectPostgres<OrdersTables>(config.postgres);
});
afterAll(async () => {
  await db.destroy();
  await server.stop();
});
beforeEach(async () => {
  await sql`truncate products, orders, order_items, outbox`.execute(db);
  const product = { currency: 'EUR', stock: 10 };
  await db
    .insertInto('products')
    .values([
      { ...product, sku: 'anchor', name: 'Anchor', price_amount: 50 },
      { ...product, sku: 'keel', name: 'Keel', price_amount: 100 },
    ])
    .execute();
  payments = new FakePayments();
  orders = new OrdersService(db, payments as unknown as PaymentsClient, config, pino());
});

const pino = () => new PinoLogger({ pinoHttp: { logger } });
const topics = async () =>
  (await db.selectFrom('outbox').select('topic').orderBy('id').execute()).map((row) => row.topic);
const placedOrders = () => db.selectFrom('orders').selectAll().execute();
const stock = async () =>
  Object.fromEntries(
    (await db.selectFrom('products').selectAll().execute()).map((product) => [product.sku, product.stock]),
  );

async function problem(call: Promise<unknown>) {
  const error = await call.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ProblemException);
  return (error as ProblemException).init;
}

describe('an order', () => {
  it('that is paid keeps its stock and is announced', async () => {
    const items = [
      { sku: 'keel', quantity: 2 },
      { sku: 'anchor', quantity: 1 },
    ];
    const order = await orders.place('k1', { items, paymentMethod: 'card' });
    expect(order).toEqual({ id: expect.any(String), status: 'paid', total: { amount: 250, currency: 'EUR' } });
    expect(payments.asked).toEqual([{ orderId: order.id, amount: 250, currency: 'EUR', method: 'card' }]);
    expect(await stock()).toEqual({ keel: 8, anchor: 9 });
    expect(await topics()).toEqual(['order.placed', 'order.paid']);
  });

  it('that is declined gives its stock back, and is announced', async () => {
    expect(await orders.place('k1', declined)).toMatchObject({ status: 'declined' });
    expect(await stock()).toEqual({ keel: 10, anchor: 10 });
    expect(await topics()).toEqual(['order.placed', 'order.declined']);
  });

  it('that is larger than the stock leaves nothing behind', async () => {
    const items = [
      { sku: 'anchor', quantity: 1 },
      { sku: 'keel', quantity: 11 },
    ];
    expect(await problem(orders.place('k1', { items, paymentMethod: 'card' }))).toMatchObject({
      status: 409,
      code: 'out_of_stock',
      errors: [{ path: 'items.1.quantity' }],
    });
    expect(await placedOrders()).toEqual([]);
    expect(await stock()).toEqual({ keel: 10, anchor: 10 });
    expect(await topics()).toEqual([]);
    expect(payments.asked).toEqual([]);
  });

  it('of products that there are not is refused, naming each', async () => {
    const items = ['keel', 'mast', 'sail'].map((sku) => ({ sku, quantity: 1 }));
    expect(await problem(orders.place('k1', { items, paymentMethod: 'card' }))).toMatchObject({
      status: 422,
      code: 'unknown_product',
      errors: [{ path: 'items.1.sku' }, { path: 'items.2.sku' }],
    });
    expect(await placedOrders()).toEqual([]);
  });

  it('of more than one payment can be is refused', async () => {
    await db.updateTable('products').set({ price_amount: 600_000_000 }).where('sku', '=', 'keel').execute();
    expect(await problem(orders.place('k1', keel))).toMatchObject({ status: 422, code: 'order_too_large' });
    expect(await placedOrders()).toEqual([]);
  });

  it('that is settled is not asked about again', async () => {
    const { id } = await orders.place('k1', keel);
    await orders.settle(id);
    expect(payments.asked).toHaveLength(1);
  });

  it('can be found with its items', async () => {
    const { id } = await orders.place('k1', keel);
    expect(await orders.find(id)).toMatchObject({
      id,
      status: 'paid',
      items: [{ sku: 'keel', quantity: 2, price: { amount: 100, currency: 'EUR' } }],
    });
  });

  it.each([randomUUID(), 'not-an-id'])('that does not exist is not found: %s', async (id) => {
    expect(await problem(orders.find(id))).toMatchObject({ status: 404, code: 'order_not_found' });
  });
});

describe('the stock', () => {
  it('is never sold twice', async () => {
    const answers = await Promise.allSettled(Array.from({ length: 8 }, (_, index) => orders.place(`k${index}`, keel)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect(await stock()).toMatchObject({ keel: 0 });
  });

  it('can be wanted by orders that name the same products in another order', async () => {
    const there = [
      { sku: 'anchor', quantity: 1 },
      { sku: 'keel', quantity: 1 },
    ];
    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        orders.place(`k${index}`, { items: index % 2 ? there : there.toReversed(), paymentMethod: 'card' }),
      ),
    );
    expect(await stock()).toEqual({ keel: 0, anchor: 0 });
  });
});

describe('the same key', () => {
  it('gives the same order again', async () => {
    const first = await orders.place('k1', keel);
    expect(await orders.place('k1', { ...keel })).toEqual(first);
    expect(await stock()).toMatchObject({ keel: 8 });
  });

  it('gives it to all who ask at the same time', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => orders.place('k1', keel)));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(await stock()).toMatchObject({ keel: 8 });
    expect(await topics()).toEqual(['order.placed', 'order.paid']);
  });

  it('gives it even when the stock has been sold since', async () => {
    const first = await orders.place('k1', keel);
    await db.updateTable('products').set({ stock: 0 }).execute();
    expect(await orders.place('k1', keel)).toEqual(first);
  });

  it.each([
    ['items', { items: [{ sku: 'keel', quantity: 3 }] }],
    ['a product that there is not', { items: [{ sku: 'mast', quantity: 1 }] }],
    ['card', { paymentMethod: 'card-declined' }],
  ] as const)('is refused for another %s', async (_what, other) => {
    await orders.place('k1', keel);
    expect(await problem(orders.place('k1', { ...keel, ...other } as CreateOrder))).toMatchObject({
      status: 422,
      code: 'idempotency_key_reused',
    });
    expect(await placedOrders()).toHaveLength(1);
  });
});

describe('an order whose payment is not known', () => {
  async function pending(request = keel) {
    payments.away = true;
    const order = await orders.place('k1', request);
    payments.away = false;
    expect(order.status).toBe('pending');
    return order;
  }

  it('stays pending, and waits to be settled later', async () => {
    await pending();
    expect(await stock()).toMatchObject({ keel: 8 });
    const [event] = await db
      .selectFrom('outbox')
      .select(['topic', sql<boolean>`available_at > now() + interval '50 seconds'`.as('later')])
      .execute();
    expect(event).toEqual({ topic: 'order.placed', later: true });
  });

  it.each([
    [keel, 'paid', 8],
    [declined, 'declined', 10],
  ] as const)('is settled later, once', async (request, status, left) => {
    const { id } = await pending(request);
    const answers = await Promise.all(Array.from({ length: 5 }, () => orders.settle(id)));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([status]));
    expect(await orders.settle(id)).toMatchObject({ status });
    expect(await topics()).toEqual(['order.placed', `order.${status}`]);
    expect(await stock()).toMatchObject({ keel: left });
  });

  it('asks payments with the same key each time', async () => {
    const { id } = await pending();
    await orders.settle(id);
    expect(payments.asked.map(({ orderId }) => orderId)).toEqual([id, id]);
  });

  it('is settled by the worker, which announces it too', async () => {
    const { id } = await pending();
    await sql`update outbox set available_at = now()`.execute(db);
    const worker = new OrdersWorker(db, config, orders, pino());
    expect(await worker.turn()).toBe(1);
    expect(await orders.find(id)).toMatchObject({ status: 'paid' });
    expect(await worker.turn()).toBe(1);
    expect(await topics()).toEqual([]);
  });
});
