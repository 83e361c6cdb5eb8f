import { Deadline, isResilienceError, type ResilienceEvent, runWithDeadline } from '@app/resilience';
import { logger, registry } from '@app/telemetry';
import { eventually, type PostgresServer, startPostgres } from '@app/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Kysely, PostgresDialect, sql } from 'kysely';
import type { DeadlinePool } from './deadline.pool.js';
import type { PostgresOptions } from './postgres.options.js';
import { createPool } from './postgres.pool.js';

/** As many as the window must hold before the breaker may open. */
const enough = 10;

describe('the circuit breaker of the database', () => {
  let server: PostgresServer;
  let url: string;
  let pool: DeadlinePool;
  let db: Kysely<unknown>;
  let events: ResilienceEvent[];

  beforeAll(async () => {
    server = await startPostgres();
    url = await server.database('spec');
  });
  afterAll(() => server?.stop());
  beforeEach(() => open());
  afterEach(() => db.destroy());

  function open(limits: Partial<PostgresOptions> = {}): void {
    registry.clear();
    events = [];
    const options = { url, poolMax: enough, acquireTimeoutMs: 2_000, statementTimeoutMs: 5_000, openMs: 60_000 };
    pool = createPool({ ...options, ...limits }, { emit: (event) => events.push(event) });
    db = new Kysely({ dialect: new PostgresDialect({ pool }) });
  }

  async function reopen(limits: Partial<PostgresOptions>): Promise<void> {
    await db.destroy();
    open(limits);
  }

  const times = (count: number, work: () => Promise<unknown>): Promise<unknown[]> =>
    Promise.all(Array.from({ length: count }, () => work().catch((error: unknown) => error)));
  const one = () => sql`select 1`.execute(db);
  const under = (timeoutMs: number, work: () => Promise<unknown>) => {
    const deadline = new Deadline(timeoutMs, 'request');
    return runWithDeadline(deadline, work).finally(() => deadline.end());
  };
  const state = () => pool.breaker.state.kind;
  const outcomes = () => new Set(events.flatMap((event) => (event.type === 'call' ? event.outcome : [])));

  it('opens where nobody listens: then it lends no connection, says when to come again, and tells why', async () => {
    await reopen({ url: 'postgres://app@127.0.0.1:1/spec' });
    const errors = await times(enough, one);
    expect(errors.every((error) => isResilienceError(error, 'unavailable'))).toBe(true);
    expect(state()).toBe('open');

    const connect = jest.spyOn(Object.getPrototypeOf(Object.getPrototypeOf(pool)), 'connect');
    const [refusal] = await times(1, one);
    expect(refusal).toMatchObject({ code: 'circuit_open', client: 'postgres', retryAfterMs: expect.any(Number) });
    expect(connect).not.toHaveBeenCalled();
    connect.mockRestore();
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'transition', to: 'open', failures: enough, causes: ['ECONNREFUSED'] }),
    );
    expect(outcomes()).toEqual(new Set(['unavailable', 'circuit_open']));
  });

  it('opens on connections that break, and closes by itself with the first that works', async () => {
    await reopen({ openMs: 100 });
    await times(enough, () => sql`select pg_terminate_backend(pg_backend_pid())`.execute(db));
    expect(state()).toBe('open');
    await eventually('it works again', async () => (await times(1, one))[0] instanceof Error === false);
    expect(state()).toBe('closed');
  });

  it('opens on a server that is frozen, also where requests end before it has been silent for too long', async () => {
    await reopen({ statementTimeoutMs: 200, acquireTimeoutMs: 200 });
    await times(enough, one);
    const thaw = await server.freeze();
    try {
      await eventually('it opens', async () => {
        const errors = await times(enough, () => under(100, one));
        expect(errors.every((error) => isResilienceError(error))).toBe(true);
        return state() === 'open';
      });
    } finally {
      thaw();
    }
  });

  it('refuses nothing on a connection that is lent already', async () => {
    await sql`create table if not exists kept (value int)`.execute(db);
    await db.transaction().execute(async (trx) => {
      pool.breaker.forceOpen();
      await sql`insert into kept values (1)`.execute(trx);
    });
    expect(await server.query('spec', 'select value from kept')).toEqual([{ value: 1 }]);
    expect(isResilienceError((await times(1, one))[0], 'circuit_open')).toBe(true);
  });

  it('is not opened by statements that are wrong, or not allowed', async () => {
    await times(2 * enough, () => sql`select nonsense`.execute(db));
    expect([state(), pool.breaker.counts.failures]).toEqual(['closed', 0]);
  });

  it('is not opened by requests that end early, however many', async () => {
    await times(enough, one);
    await times(1_000, () => under(1, one));
    await times(enough, () => under(50, () => sql`select pg_sleep(5)`.execute(db)));
    expect([state(), pool.breaker.counts.failures]).toEqual(['closed', 0]);
    await eventually('it is told', () => outcomes().has('deadline_exceeded'));
    expect(await one()).toMatchObject({ rows: [expect.anything()] });
    expect(pool.waitingCount).toBe(0);
  });

  it('is not opened by a pool that is full', async () => {
    await reopen({ poolMax: 1, acquireTimeoutMs: 50 });
    const client = await pool.connect();
    const errors = await times(2 * enough, one);
    expect(errors.every((error) => isResilienceError(error, 'unavailable'))).toBe(true);
    client.release();
    expect([state(), pool.breaker.counts]).toEqual(['closed', { calls: 1, failures: 0, slow: 0 }]);
  });

  it('is told nothing of connections that are dropped on purpose, and neither is the log', async () => {
    const warn = jest.spyOn(logger, 'warn');
    await times(enough, one);
    await times(enough, () => under(50, () => sql`select pg_sleep(5)`.execute(db)));
    await eventually('some were dropped', () => pool.totalCount < enough);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
    expect(pool.breaker.counts.failures).toBe(0);
  });
});
