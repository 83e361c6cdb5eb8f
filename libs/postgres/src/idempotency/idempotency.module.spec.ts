import 'reflect-metadata';
import { type PostgresServer, startPostgres } from '@app/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { Kysely } from 'kysely';
import { PostgresHealth } from '../health/postgres.health.js';
import { PostgresModule } from '../postgres.module.js';
import { postgresEnv } from '../postgres.options.js';
import { IdempotencyModule } from './idempotency.module.js';
import { idempotencyEnv } from './idempotency.options.js';
import { createIdempotencyTable } from './idempotency.table.js';

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

it('is not ready without the table of the keys, beside the one that the service requires, and names it', async () => {
  const options = postgresEnv.parse({ DATABASE_URL: await server.database('spec') });
  await server.query('spec', 'create table charges ()');
  const imports = [
    PostgresModule.registerAsync({ useFactory: () => options, requiresTable: 'charges' }),
    IdempotencyModule.registerAsync({ useFactory: () => idempotencyEnv().parse({}) }),
  ];
  const app = (await Test.createTestingModule({ imports }).compile()).createNestApplication({ logger: false });
  const health = app.get(PostgresHealth);
  expect(await health.check()).toMatchObject({
    status: 'error',
    reason: 'not_migrated',
    cause: { message: expect.stringContaining('"idempotency_keys"'), mend: expect.stringContaining('pnpm migrate') },
  });
  await createIdempotencyTable(app.get(Kysely));
  expect(await health.check()).toEqual({ status: 'ok' });
  await app.close();
});
