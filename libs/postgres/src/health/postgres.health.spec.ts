import { registry } from '@app/telemetry';
import { eventually, type PostgresServer, startPostgres } from '@app/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { postgresEnv } from '../postgres.options.js';
import { createPool } from '../postgres.pool.js';
import { PostgresHealth } from './postgres.health.js';

let server: PostgresServer;
let url: string;

beforeAll(async () => {
  server = await startPostgres();
  url = await server.database('spec');
  await server.query('spec', 'create table orders (id int)');
});
afterAll(() => server.stop());

describe('the health of Postgres', () => {
  let db: Kysely<unknown>;

  afterEach(() => db.destroy());

  function open({ address = url, table = 'orders' } = {}) {
    registry.clear();
    const options = { ...postgresEnv.parse({ DATABASE_URL: address, DATABASE_POOL_MAX: '2' }), acquireTimeoutMs: 300 };
    const pool = createPool(options);
    db = new Kysely({ dialect: new PostgresDialect({ pool }) });
    return { pool, health: new PostgresHealth({ db, pool, options, tables: new Set(['orders', table]) }) };
  }

  const spoilt = (spoil: (address: URL) => void) => {
    const address = new URL(url);
    spoil(address);
    return address.href;
  };

  it('is good where a query is answered', async () => {
    expect(await open().health.check()).toEqual({ status: 'ok' });
  });

  it.each([
    ['there is no such table', { table: 'missing' }, 'not_migrated', 'pnpm migrate'],
    [
      'there is no such database',
      { address: spoilt.bind(null, (at) => (at.pathname = '/nowhere')) },
      'not_migrated',
      'Create the database',
    ],
    ['the password is wrong', { address: spoilt.bind(null, (at) => (at.password = 'wrong')) }, 'refused', 'password'],
    [
      'nobody listens',
      { address: spoilt.bind(null, (at) => (at.port = '1')) },
      'unreachable',
      'Check that Postgres runs',
    ],
  ] as [string, { table?: string; address?: () => string }, string, string][])(
    'is bad where %s, and says what to do',
    async (_what, { table, address }, reason, mend) => {
      const { health } = open({ table, address: address?.() });
      expect(await health.check()).toMatchObject({
        status: 'error',
        reason,
        cause: { mend: expect.stringContaining(mend), message: expect.not.stringContaining('wrong') },
      });
    },
  );

  it('is degraded by a full pool, without waiting in its line', async () => {
    const { pool, health } = open();
    const clients = await Promise.all([pool.connect(), pool.connect()]);
    expect(await health.check()).toEqual({ status: 'degraded', reason: 'pool_full' });
    expect(pool.waitingCount).toBe(0);
    for (const client of clients) client.release();
    expect(await health.check()).toEqual({ status: 'ok' });
  });

  it('is not judged by who waited in vain for a full pool', async () => {
    const { pool, health } = open();
    const clients = await Promise.all([pool.connect(), pool.connect()]);
    await clients[0]?.query('select 1');
    await expect(pool.connect()).rejects.toMatchObject({ code: 'unavailable' });
    expect(health.observed()).toMatchObject({ status: 'ok' });
    for (const client of clients) client.release();
  });

  it('is known from what requests last saw, a statement of theirs that was wrong included', async () => {
    const { health } = open();
    expect(health.observed()).toBeUndefined();
    await expect(sql`select nonsense`.execute(db)).rejects.toMatchObject({ code: '42703' });
    expect(health.observed()).toMatchObject({ status: 'ok', at: expect.any(Number) });
  });

  it('is not known from a statement that misses its table: the check tells whether that was ever there', async () => {
    const { health } = open({ table: 'missing' });
    await expect(sql`select from missing`.execute(db)).rejects.toMatchObject({ code: '42P01' });
    expect(health.observed()).toBeUndefined();
    expect(await health.check()).toMatchObject({ status: 'error', reason: 'not_migrated' });
    expect(health.observed()).toBeUndefined();
  });

  it('is known from a connection that broke, until one works again', async () => {
    const { pool, health } = open();
    const client = await pool.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const sleeping = client.query('select pg_sleep(60)');
    process.kill(rows[0]!.pid, 'SIGTERM');
    await expect(sleeping).rejects.toMatchObject({ code: 'unavailable' });
    client.release(true);
    expect(health.observed()).toMatchObject({ status: 'error', reason: 'unreachable' });
    await eventually('the next one works', async () => (await health.check()).status === 'ok');
    expect(health.observed()).toMatchObject({ status: 'ok' });
  });

  it('is asked with one query at a time, while the server is frozen', async () => {
    const { pool, health } = open();
    const client = await pool.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    client.release();
    process.kill(rows[0]!.pid, 'SIGSTOP');
    const checks = [health.check(), health.check(), health.check()];
    await eventually('the query is sent', () => pool.idleCount === 0);
    expect(pool.totalCount).toBe(1);
    process.kill(rows[0]!.pid, 'SIGCONT');
    expect(await Promise.all(checks)).toEqual(Array(3).fill({ status: 'ok' }));
  });
});
