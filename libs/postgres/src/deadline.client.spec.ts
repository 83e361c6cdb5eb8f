import { Deadline, isResilienceError, runWithDeadline } from '@app/resilience';
import { eventually, type PostgresServer, startPostgres } from '@app/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Kysely, sql } from 'kysely';
import { connectPostgres } from './postgres.module.js';

describe('a statement under a deadline', () => {
  let server: PostgresServer;
  let url: string;
  let db: Kysely<unknown>;

  beforeAll(async () => {
    server = await startPostgres();
    url = await server.database('deadlines');
  });

  afterAll(() => server?.stop());

  beforeEach(() => {
    db = connectPostgres({ url, poolMax: 2, acquireTimeoutMs: 5_000, statementTimeoutMs: 30_000, openMs: 1_000 });
  });

  afterEach(() => db.destroy());

  const sleeping = () =>
    server.query(
      'postgres',
      `select from pg_stat_activity where datname = 'deadlines' and state = 'active' and query like '%pg_sleep%'`,
    );
  const slow = () => sql`select pg_sleep(20)`.execute(db);
  const under = <T>(timeoutMs: number, work: () => Promise<T>) => {
    const deadline = new Deadline(timeoutMs, 'request');
    return runWithDeadline(deadline, work).finally(() => deadline.end());
  };
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );

  it('fails with the deadline and is gone from the server', async () => {
    const error = await failure(under(200, slow));
    expect(isResilienceError(error, 'deadline_exceeded')).toBe(true);
    await eventually('nothing sleeps', async () => (await sleeping()).length === 0);
  });

  it('does not start once the deadline has passed', async () => {
    const error = await failure(
      under(1, async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        await sql`create table never ()`.execute(db);
      }),
    );
    expect(isResilienceError(error, 'deadline_exceeded')).toBe(true);
    expect(await server.query('deadlines', `select from pg_class where relname = 'never'`)).toEqual([]);
  });

  it('rolls its transaction back and leaves the connection usable', async () => {
    await sql`create table if not exists kept (value int)`.execute(db);
    const transaction = () =>
      db.transaction().execute(async (trx) => {
        await sql`insert into kept values (1)`.execute(trx);
        await sql`select pg_sleep(20)`.execute(trx);
      });
    expect(isResilienceError(await failure(under(200, transaction)), 'deadline_exceeded')).toBe(true);
    expect(await server.query('deadlines', 'select from kept')).toEqual([]);
    expect((await sql<{ one: number }>`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
  });

  it('leaves the line for a connection, and takes none with it', async () => {
    const holding = [slow(), slow()].map((work) => under(600, () => work).catch(() => undefined));
    const error = await failure(under(50, () => sql`select 1`.execute(db)));
    expect(isResilienceError(error, 'deadline_exceeded')).toBe(true);
    await server.query(
      'postgres',
      `select pg_cancel_backend(pid) from pg_stat_activity where datname = 'deadlines' and query like '%pg_sleep%'`,
    );
    await Promise.all(holding);
    expect((await sql<{ one: number }>`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
  });

  it('is gone from the server even when many deadlines pass at once', async () => {
    const many = connectPostgres({
      url,
      poolMax: 20,
      acquireTimeoutMs: 5_000,
      statementTimeoutMs: 30_000,
      openMs: 1_000,
    });
    const errors = await Promise.all(
      Array.from({ length: 20 }, () => failure(under(500, () => sql`select pg_sleep(20)`.execute(many)))),
    );
    expect(errors.every((error) => isResilienceError(error, 'deadline_exceeded'))).toBe(true);
    await eventually('nothing sleeps', async () => (await sleeping()).length === 0);
    expect((await sql<{ one: number }>`select 1 as one`.execute(many)).rows).toEqual([{ one: 1 }]);
    await many.destroy();
  });
});

describe('a database that is to blame', () => {
  let server: PostgresServer;
  let db: Kysely<unknown>;

  beforeAll(async () => {
    server = await startPostgres();
    const url = await server.database('blame');
    db = connectPostgres({ url, poolMax: 2, acquireTimeoutMs: 500, statementTimeoutMs: 500, openMs: 1_000 });
  });

  afterAll(async () => {
    await db.destroy();
    await server?.stop();
  });

  const failure = (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );

  it('fails what runs in a transaction when it ends the connection, and nothing else', async () => {
    const error = await failure(
      db.transaction().execute(async (trx) => {
        await sql`select pg_terminate_backend(pg_backend_pid())`.execute(trx);
      }),
    );
    expect(isResilienceError(error, 'unavailable')).toBe(true);
    expect((await sql<{ one: number }>`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
  });

  it('is unavailable while it is frozen, within the bounds of a statement', async () => {
    process.kill(server.pid, 'SIGSTOP');
    try {
      // The backends run on; only new connections wait for the frozen postmaster.
      const errors = await Promise.all([1, 2, 3].map(() => failure(sql`select pg_sleep(0.3)`.execute(db))));
      expect(errors.filter(Boolean).every((error) => isResilienceError(error, 'unavailable'))).toBe(true);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
  });

  it('leaves the errors of statements as they are', async () => {
    expect(await failure(sql`select * from nowhere`.execute(db))).toMatchObject({ code: '42P01' });
  });
});
