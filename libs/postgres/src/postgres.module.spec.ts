import 'reflect-metadata';
import { once } from 'node:events';
import { catalogue, registry } from '@app/telemetry';
import { eventually, type PostgresServer, startPostgres } from '@app/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { Kysely, sql } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import { PostgresModule } from './postgres.module.js';
import { postgresEnv } from './postgres.options.js';
import { createPool } from './postgres.pool.js';

let server: PostgresServer;
let url: string;

beforeAll(async () => {
  server = await startPostgres();
  url = await server.database('spec');
});
afterAll(() => server.stop());

/** Longer than any bound that is tested here: whoever waits for this has not been stopped. */
const forever = 60;

describe('the pool', () => {
  let pool: Pool;

  /** Thawed whatever comes of the test: a server cannot end with a frozen process. */
  let frozen: number | undefined;

  afterEach(() => {
    if (frozen) process.kill(frozen, 'SIGCONT');
    frozen = undefined;
    return pool.end();
  });

  function open(limits: { poolMax?: number; acquireTimeoutMs?: number; statementTimeoutMs?: number } = {}): Pool {
    registry.clear();
    pool = createPool({ ...postgresEnv.parse({ DATABASE_URL: url }), ...limits });
    return pool;
  }

  it('ends a statement that takes too long', async () => {
    open({ statementTimeoutMs: 200 });
    await expect(pool.query('select pg_sleep($1)', [forever])).rejects.toMatchObject({ code: '57014' });
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  it('ends a transaction that is left open too long', async () => {
    open({ statementTimeoutMs: 200 });
    const client = await pool.connect();
    await client.query('begin');
    const [error] = (await once(client, 'error')) as [{ code?: string }];
    expect(error.code).toBe('25P03');
    client.release(true);
  });

  it('gives a statement up when the server is frozen', async () => {
    open({ statementTimeoutMs: 200 });
    const client = await pool.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const { pid } = rows[0]!;
    process.kill(pid, 'SIGSTOP');
    frozen = pid;
    await expect(client.query('select 1')).rejects.toMatchObject({ code: 'unavailable' });
    client.release(true);
  });

  it('lets nobody wait too long for a connection', async () => {
    open({ poolMax: 1, acquireTimeoutMs: 300 });
    const busy = await pool.connect();
    await expect(pool.query('select 1')).rejects.toThrow('timeout');
    busy.release();
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  it('replaces a connection that broke while nobody used it', async () => {
    open({ poolMax: 1 });
    const backend = async (by: Pool | PoolClient) =>
      (await by.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid;
    const before = await backend(pool);
    process.kill(before, 'SIGTERM');
    await eventually('the pool has noticed', () => pool.totalCount === 0);
    expect(await backend(pool)).not.toBe(before);
  });

  it('reads a bigint as a number', async () => {
    const { rows } = await open().query('select count(*) as many, 7::bigint as seven from (values (1), (2)) t');
    expect(rows).toEqual([{ many: 2, seven: 7 }]);
  });

  it('tells how many connections are used, idle, waited for and allowed', async () => {
    open({ poolMax: 2 });
    const clients = await Promise.all([pool.connect(), pool.connect()]);
    const waiting = pool.connect();
    clients[0]?.release();
    (await waiting).release();
    const told = await Promise.all(
      [catalogue.postgresPoolConnections, catalogue.postgresPoolPending, catalogue.postgresPoolMax].map(({ name }) =>
        registry.getSingleMetricAsString(name),
      ),
    );
    clients[1]?.release();
    expect(told.join('\n').match(/^db_.*$/gm)).toEqual([
      'db_client_connection_count{state="idle"} 1',
      'db_client_connection_count{state="used"} 1',
      'db_client_connection_pending_requests 0',
      'db_client_connection_max 2',
    ]);
  });
});

describe('PostgresModule', () => {
  const start = (requiresTable: string) => {
    const useFactory = () => postgresEnv.parse({ DATABASE_URL: url });
    const imports = [PostgresModule.registerAsync({ useFactory, requiresTable })];
    return Test.createTestingModule({ imports })
      .compile()
      .then((module) => module.init());
  };

  it('provides the database, and closes it with the application', async () => {
    await server.query('spec', 'create table orders (id int)');
    const module = await start('orders');
    const db = module.get<Kysely<unknown>>(Kysely);
    expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
    await module.close();
    await expect(sql`select 1`.execute(db)).rejects.toThrow('destroyed');
  });
});
