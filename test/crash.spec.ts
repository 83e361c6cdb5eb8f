import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AppName, Shop } from './shop.js';

const initialStock = 100_000;
const buyers = 6;
const crashes: (AppName | 'postgres')[] = [
  'orders',
  'payments',
  'orders',
  'storefront',
  'postgres',
  'payments',
  'orders',
];

/** What a client may be told in the end; anything else is tried again with the same key. */
const final = [201, 202, 402];

describe('kill -9 of any process at any moment', () => {
  let shop: Shop;
  const answers = new Map<string, number>();
  let survivors = 0;

  beforeAll(async () => {
    shop = await Shop.start({
      SETTLE_AFTER_MS: '500',
      OUTBOX_POLL_MS: '100',
      OUTBOX_LEASE_MS: '3000',
      OUTBOX_BACKOFF_MAX_MS: '500',
    });
    let open = true;
    const shoppers = Array.from({ length: buyers }, async (_, buyer) => {
      for (let count = 0; open; count++) await buy(`${buyer}-${count}`, count % 4 === 0 ? 'card-declined' : 'card');
    });
    for (const victim of crashes) {
      await sleep(200 + Math.random() * 600);
      if (victim === 'postgres') {
        const before = Object.values(shop.services).map(({ pid }) => pid);
        await shop.postgres.crash();
        survivors = Object.values(shop.services).filter(({ pid, alive }) => alive && before.includes(pid)).length;
      } else {
        await shop.services[victim].kill();
        await shop.startService(victim);
      }
    }
    open = false;
    await Promise.all(shoppers);
  }, 120_000);

  afterAll(() => shop?.stop());

  async function buy(key: string, paymentMethod: string): Promise<void> {
    const status = await eventually(
      `order ${key} is answered`,
      async () => {
        const response = await shop.checkout(
          { items: [{ sku: 'compass', quantity: 2 }], paymentMethod },
          { 'idempotency-key': key },
        );
        await response.arrayBuffer();
        return final.includes(response.status) && response.status;
      },
      { timeoutMs: 60_000 },
    );
    answers.set(key, status);
  }

  it('takes no service down with the database', () => {
    expect(survivors).toBe(3);
  });

  it('leaves no order pending, once everything runs again', async () => {
    await eventually(
      'every order is settled and every event delivered',
      async () => {
        const open = await shop.query(
          'orders',
          `select from orders where status = 'pending' union all select from outbox`,
        );
        return open.length === 0;
      },
      { timeoutMs: 40_000 },
    );
    expect(answers.size).toBeGreaterThan(crashes.length);
  });

  it('makes one order of each key, whatever was sent again', async () => {
    const keys = await shop.query<{ idempotency_key: string }>('orders', 'select idempotency_key from orders');
    expect(keys.map(({ idempotency_key }) => idempotency_key).sort()).toEqual([...answers.keys()].sort());
  });

  it('charges each order once, and as the order says', async () => {
    type Row = { id: string; status: string };
    const orders = await shop.query<Row>('orders', 'select id, status from orders order by id');
    const payments = await shop.query<Row>('payments', 'select order_id as id, status from payments order by order_id');
    const wanted = { paid: 'authorised', declined: 'declined' } as Record<string, string>;
    expect(payments).toEqual(orders.map(({ id, status }) => ({ id, status: wanted[status] })));
  });

  it('told no client what is not so', async () => {
    const orders = await shop.query<{ idempotency_key: string; status: string }>(
      'orders',
      'select idempotency_key, status from orders',
    );
    for (const { idempotency_key, status } of orders) {
      const answer = answers.get(idempotency_key);
      expect([idempotency_key, status === 'paid' ? [201, 202] : [402, 202]]).toEqual([
        idempotency_key,
        expect.arrayContaining([answer]),
      ]);
    }
  });

  it('keeps the stock right', async () => {
    const [sold] = await shop.query<{ quantity: number }>(
      'orders',
      `select coalesce(sum(quantity), 0)::int as quantity from order_items join orders on orders.id = order_id where status = 'paid'`,
    );
    const [left] = await shop.query<{ stock: number }>('orders', `select stock from products where sku = 'compass'`);
    expect(left?.stock).toBe(initialStock - (sold?.quantity ?? 0));
  });

  it('loses no event: every order was announced', async () => {
    const announced = new Set(
      shop.processes.flatMap(({ logs }) =>
        logs.filter(({ msg }) => msg === 'order announced').map(({ order }) => String(order)),
      ),
    );
    const orders = await shop.query<{ id: string }>('orders', 'select id from orders');
    expect([...announced].sort()).toEqual(orders.map(({ id }) => id).sort());
  });
});
