import { randomUUID } from 'node:crypto';
import { connectPostgres, migrate, postgresEnv } from '@app/postgres';
import { ProblemException } from '@app/service';
import { type PostgresServer, startPostgres } from '@app/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Kysely } from 'kysely';
import { migrations } from './migrations/index.js';
import type { CreatePayment } from './payments.schemas.js';
import { PaymentsService } from './payments.service.js';
import type { PaymentsTables } from './payments.tables.js';

describe('PaymentsService', () => {
  let server: PostgresServer;
  let db: Kysely<PaymentsTables>;
  let payments: PaymentsService;

  beforeAll(async () => {
    server = await startPostgres();
    const options = postgresEnv.parse({ DATABASE_URL: await server.database('payments') });
    await migrate(options, migrations);
    db = connectPostgres<PaymentsTables>(options);
    payments = new PaymentsService(db);
  });
  afterAll(async () => {
    await db.destroy();
    await server.stop();
  });
  beforeEach(() => db.deleteFrom('payments').execute());

  const payment: CreatePayment = { orderId: randomUUID(), amount: 24_900, currency: 'EUR', method: 'card' };
  const rows = () => db.selectFrom('payments').selectAll().execute();

  async function problem(call: Promise<unknown>) {
    const error = await call.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ProblemException);
    return (error as ProblemException).init;
  }

  it.each([
    ['card', 'authorised'],
    ['card-declined', 'declined'],
  ] as const)('answers a payment by %s with %s, and writes it down', async (method, status) => {
    const answer = await payments.authorise('k1', { ...payment, method });
    expect(answer).toEqual({ id: expect.any(String), status });
    expect(await rows()).toMatchObject([
      { ...answer, idempotency_key: 'k1', order_id: payment.orderId, amount: 24_900, currency: 'EUR', method },
    ]);
  });

  it('gives the first answer again to the same key and payment', async () => {
    const first = await payments.authorise('k1', payment);
    expect(await payments.authorise('k1', payment)).toEqual(first);
    expect(await rows()).toHaveLength(1);
  });

  it('authorises once, however many ask at the same time', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => payments.authorise('k1', payment)));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(await rows()).toHaveLength(1);
  });

  it('takes the same payment under another key for another one', async () => {
    const [first, second] = [await payments.authorise('k1', payment), await payments.authorise('k2', payment)];
    expect(second.id).not.toBe(first.id);
  });

  it.each([
    ['order', { orderId: randomUUID() }],
    ['amount', { amount: 1 }],
    ['currency', { currency: 'USD' }],
    ['method', { method: 'card-declined' }],
  ] as const)('refuses a key that belongs to a payment with another %s', async (_what, other) => {
    await payments.authorise('k1', payment);
    expect(await problem(payments.authorise('k1', { ...payment, ...other }))).toMatchObject({
      status: 422,
      code: 'idempotency_key_reused',
    });
    expect(await rows()).toHaveLength(1);
  });

  it('finds a payment by its id', async () => {
    const made = await payments.authorise('k1', payment);
    expect(await payments.find(made.id)).toEqual(made);
  });

  it.each([randomUUID(), 'not-an-id'])('says that there is no payment %s', async (id) => {
    expect(await problem(payments.find(id))).toMatchObject({ status: 404, code: 'payment_not_found' });
  });
});
