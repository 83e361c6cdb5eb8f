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
    const answer = await payments.authorise({ ...payment, method });
    expect(answer).toEqual({ id: expect.any(String), status });
    expect(await rows()).toMatchObject([
      { ...answer, order_id: payment.orderId, amount: 24_900, currency: 'EUR', method },
    ]);
  });

  it('finds a payment by its id', async () => {
    const made = await payments.authorise(payment);
    expect(await payments.find(made.id)).toEqual(made);
  });

  it.each([randomUUID(), 'not-an-id'])('says that there is no payment %s', async (id) => {
    expect(await problem(payments.find(id))).toMatchObject({ status: 404, code: 'payment_not_found' });
  });
});
