import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { migrate, postgresEnv } from '@app/postgres';
import { type PostgresServer, startPostgres } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { AppModule } from './app.module.js';
import { migrations } from './migrations/index.js';
import type { CreatePayment } from './payments.schemas.js';

describe('POST /payments', () => {
  let server: PostgresServer;
  let app: NestFastifyApplication;

  const payment: CreatePayment = { orderId: randomUUID(), amount: 24_900, currency: 'EUR', method: 'card' };

  beforeAll(async () => {
    server = await startPostgres();
    process.env.DATABASE_URL = await server.database('payments');
    await migrate(postgresEnv.parse(process.env), migrations);
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
    await app.init();
  });
  afterAll(async () => {
    await app?.close();
    await server.stop();
  });

  async function post(key: string, payload: CreatePayment) {
    const headers = { 'idempotency-key': key };
    const { statusCode, body } = await app.inject({ method: 'POST', url: '/payments', payload, headers });
    return { statusCode, body: JSON.parse(body) as object };
  }
  const payments = async () => (await server.query('payments', 'select from payments')).length;

  it('authorises once for each key, and gives the first answer again', async () => {
    const before = await payments();
    const first = await post('k1', payment);
    expect(first).toEqual({ statusCode: 201, body: { id: expect.any(String), status: 'authorised' } });
    expect(await post('k1', payment)).toEqual(first);
    expect(await post('k2', payment)).not.toEqual(first);
    expect(await payments()).toBe(before + 2);
  });

  it.each([
    ['order', { orderId: randomUUID() }],
    ['amount', { amount: 1 }],
    ['currency', { currency: 'USD' }],
    ['method', { method: 'card-declined' }],
  ] as const)('refuses a key that belongs to a payment with another %s', async (_what, other) => {
    await post('k1', payment);
    expect(await post('k1', { ...payment, ...other })).toMatchObject({
      statusCode: 422,
      body: { code: 'idempotency_key_reused' },
    });
  });

  it('keeps no key of a request that was refused', async () => {
    expect(await post('k3', { ...payment, amount: 0 })).toMatchObject({ statusCode: 400 });
    expect(await post('k3', payment)).toMatchObject({ statusCode: 201 });
  });
});
