import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { addToOutbox } from '@app/postgres';
import { ProblemException } from '@app/service';
import { Traced } from '@app/telemetry';
import { Inject, Injectable } from '@nestjs/common';
import { Kysely, type Selectable, sql, type Transaction } from 'kysely';
import { PinoLogger } from 'nestjs-pino';
import { z } from 'zod';
import { type OrdersConfig, ordersConfig } from '../orders.config.js';
import type { OrderStatus, OrdersTables } from '../orders.tables.js';
import { PaymentsClient } from '../payments.client.js';
import type { CreateOrder, Order, OrderWithItems } from './orders.schemas.js';

type OrderRow = Selectable<OrdersTables['orders']>;
type Item = CreateOrder['items'][number];

/**
 * Orders go from `pending` to `paid` or `declined`, and nowhere else.
 *
 * One transaction reserves the stock and writes the pending order with its `order.placed` event. Then payments is asked, with the order's
 * id as key. Whoever hears the answer first, this request or the worker that delivers `order.placed` later, settles the order.
 */
@Injectable()
export class OrdersService {
  constructor(
    private readonly db: Kysely<OrdersTables>,
    private readonly payments: PaymentsClient,
    @Inject(ordersConfig.KEY) private readonly config: OrdersConfig,
    private readonly logger: PinoLogger,
  ) {}

  /**
   * Places the order, or gives the one that this key placed before.
   * @throws ProblemException 409 out of stock, 422 unknown product or key of another request
   */
  @Traced()
  async place(idempotencyKey: string, request: CreateOrder): Promise<Order> {
    const id = (await this.idOfKey(idempotencyKey, request)) ?? (await this.reserve(idempotencyKey, request));
    try {
      return await this.settle(id);
    } catch (error) {
      // Payments may have charged or not: the order stays pending, and the worker asks again.
      this.logger.warn({ err: error, order: id }, 'the payment is unknown; the order stays pending');
      return this.get(id);
    }
  }

  /** Asks payments about a pending order and settles it. Does nothing to an order that is settled. */
  async settle(id: string): Promise<Order> {
    const row = await this.row(id);
    if (row.status !== 'pending') return toOrder(row);
    const answer = await this.payments.authorise({
      orderId: id,
      amount: row.total_amount,
      currency: row.currency,
      method: row.payment_method,
    });
    await this.settleAs(id, answer === 'authorised' ? 'paid' : 'declined');
    return this.get(id);
  }

  async find(id: string): Promise<OrderWithItems> {
    const order = await this.get(id);
    const rows = await this.db
      .selectFrom('order_items')
      .selectAll()
      .where('order_id', '=', id)
      .orderBy('sku')
      .execute();
    const items = rows.map(({ sku, quantity, price_amount }) => ({
      sku,
      quantity,
      price: { amount: price_amount, currency: order.total.currency },
    }));
    return { ...order, items };
  }

  private async get(id: string): Promise<Order> {
    return toOrder(await this.row(id));
  }

  private async row(id: string): Promise<OrderRow> {
    const row = z.uuid().safeParse(id).success
      ? await this.db.selectFrom('orders').selectAll().where('id', '=', id).executeTakeFirst()
      : undefined;
    if (!row) throw new ProblemException({ status: 404, code: 'order_not_found', detail: `There is no order ${id}.` });
    return row;
  }

  /** @returns the id of the order of this key, made now or before */
  private async reserve(idempotencyKey: string, request: CreateOrder): Promise<string> {
    const id = randomUUID();
    const placed = await this.db.transaction().execute(async (trx) => {
      const priced = await price(trx, request.items);
      const { numInsertedOrUpdatedRows } = await trx
        .insertInto('orders')
        .values({
          id,
          idempotency_key: idempotencyKey,
          request: JSON.stringify(request),
          status: 'pending',
          total_amount: priced.total,
          currency: priced.currency,
          payment_method: request.paymentMethod,
        })
        .onConflict((conflict) => conflict.column('idempotency_key').doNothing())
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows === 0n) return false;
      await takeStock(trx, request.items);
      await trx
        .insertInto('order_items')
        .values(priced.items.map((item) => ({ ...item, order_id: id })))
        .execute();
      await addToOutbox(trx, {
        topic: 'order.placed',
        payload: { orderId: id },
        delayMs: this.config.settlement.afterMs,
      });
      return true;
    });
    // Lost the race against a twin with the same key: its order is this one's too.
    return placed ? id : ((await this.idOfKey(idempotencyKey, request)) as string);
  }

  /** @throws ProblemException 422 when the key belongs to another request */
  private async idOfKey(idempotencyKey: string, request: CreateOrder): Promise<string | undefined> {
    const first = await this.db
      .selectFrom('orders')
      .select(['id', 'request'])
      .where('idempotency_key', '=', idempotencyKey)
      .executeTakeFirst();
    if (!first || isDeepStrictEqual(first.request, request)) return first?.id;
    throw new ProblemException({
      status: 422,
      code: 'idempotency_key_reused',
      detail: 'This Idempotency-Key belongs to another order.',
    });
  }

  private async settleAs(id: string, status: Exclude<OrderStatus, 'pending'>): Promise<void> {
    await this.db.transaction().execute(async (trx) => {
      const { numUpdatedRows } = await trx
        .updateTable('orders')
        .set({ status })
        .where('id', '=', id)
        .where('status', '=', 'pending')
        .executeTakeFirstOrThrow();
      if (numUpdatedRows === 0n) return;
      if (status === 'declined') await giveStockBack(trx, id);
      await addToOutbox(trx, { topic: `order.${status}`, payload: { orderId: id } });
    });
  }
}

/** What payments takes at most, in minor units. */
const largestTotal = 1_000_000_000;

interface Priced {
  total: number;
  currency: string;
  items: { sku: string; quantity: number; price_amount: number }[];
}

async function price(trx: Transaction<OrdersTables>, wanted: Item[]): Promise<Priced> {
  const skus = wanted.map(({ sku }) => sku);
  const products = await trx.selectFrom('products').selectAll().where('sku', 'in', skus).execute();
  const bySku = new Map(products.map((product) => [product.sku, product]));
  const unknown = wanted.flatMap(({ sku }, index) =>
    bySku.has(sku) ? [] : [{ path: `items.${index}.sku`, message: `There is no product ${sku}` }],
  );
  if (unknown.length > 0) {
    throw new ProblemException({
      status: 422,
      code: 'unknown_product',
      detail: 'The order names products that the shop does not have.',
      errors: unknown,
    });
  }
  const items = wanted.map(({ sku, quantity }) => ({ sku, quantity, price_amount: bySku.get(sku)!.price_amount }));
  const total = items.reduce((sum, { quantity, price_amount }) => sum + quantity * price_amount, 0);
  if (total > largestTotal) {
    throw new ProblemException({
      status: 422,
      code: 'order_too_large',
      detail: 'The order costs more than one payment can be.',
    });
  }
  return { items, total, currency: products[0]!.currency };
}

async function takeStock(trx: Transaction<OrdersTables>, wanted: Item[]): Promise<void> {
  // Rows are locked in one order for everybody, so that two orders cannot wait for each other.
  for (const { sku, quantity } of wanted.toSorted((a, b) => (a.sku < b.sku ? -1 : 1))) {
    const { numUpdatedRows } = await trx
      .updateTable('products')
      .set({ stock: sql`stock - ${quantity}` })
      .where('sku', '=', sku)
      .where('stock', '>=', quantity)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows > 0n) continue;
    const index = wanted.findIndex((item) => item.sku === sku);
    throw new ProblemException({
      status: 409,
      code: 'out_of_stock',
      detail: `There is not enough ${sku} in stock.`,
      errors: [{ path: `items.${index}.quantity`, message: 'More than there is in stock' }],
    });
  }
}

async function giveStockBack(trx: Transaction<OrdersTables>, orderId: string): Promise<void> {
  const items = await trx
    .selectFrom('order_items')
    .select(['sku', 'quantity'])
    .where('order_id', '=', orderId)
    .orderBy('sku')
    .execute();
  for (const { sku, quantity } of items) {
    await trx
      .updateTable('products')
      .set({ stock: sql`stock + ${quantity}` })
      .where('sku', '=', sku)
      .execute();
  }
}

function toOrder({ id, status, total_amount, currency }: OrderRow): Order {
  return { id, status, total: { amount: total_amount, currency } };
}
