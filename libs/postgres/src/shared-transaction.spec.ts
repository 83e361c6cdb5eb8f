import { Deadline, isResilienceError, runWithDeadline } from '@app/resilience';
import { type PostgresServer, startPostgres } from '@app/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Kysely, sql, type Transaction } from 'kysely';
import { connectPostgres } from './postgres.module.js';
import { postgresEnv } from './postgres.options.js';
import { shareTransaction } from './shared-transaction.js';

type Tables = { effects: { name: string } };

describe('a shared transaction', () => {
  let server: PostgresServer;
  let url: string;
  let db: Kysely<Tables>;

  beforeAll(async () => {
    server = await startPostgres();
    url = await server.database('spec');
    await server.query('spec', 'create table effects (name text)');
    db = connectPostgres(postgresEnv.parse({ DATABASE_URL: url, DATABASE_POOL_MAX: '2' }));
  });
  afterAll(async () => {
    await db.destroy();
    await server.stop();
  });
  beforeEach(() => sql`truncate effects`.execute(db));

  const shared = <T>(work: () => Promise<T>) =>
    db.transaction().execute((trx) => shareTransaction(trx as unknown as Transaction<unknown>, work));
  const add = (name: string, by = db) => by.insertInto('effects').values({ name }).execute();
  const effects = async () =>
    (await server.query<{ name: string }>('spec', 'select name from effects order by name')).map(({ name }) => name);
  const backend = async (by = db) =>
    (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(by)).rows[0]?.pid;

  it('holds what is written through the ordinary Kysely, and commits it whole', async () => {
    await shared(async () => {
      await add('a');
      expect(await effects()).toEqual([]);
      await add('b');
    });
    expect(await effects()).toEqual(['a', 'b']);
  });

  it('is rolled back whole when the work fails', async () => {
    const failing = shared(async () => {
      await add('a');
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await effects()).toEqual([]);
  });

  it('runs statements of the same time one after the other, on its one connection', async () => {
    const pids = await shared(() => Promise.all(Array.from({ length: 10 }, () => backend())));
    expect(new Set(pids).size).toBe(1);
  });

  it('takes in transactions, with the statements beside them', async () => {
    await shared(() =>
      db.transaction().execute(async (trx) => {
        await add('a', trx);
        await add('b');
        await db.transaction().execute((inner) => add('c', inner));
        expect(await effects()).toEqual([]);
      }),
    );
    expect(await effects()).toEqual(['a', 'b', 'c']);
  });

  it('fails with a transaction that it took in, also when the error is caught', async () => {
    const swallowing = shared(async () => {
      const inner = db.transaction().execute(async (trx) => {
        await add('a', trx);
        throw new Error('no');
      });
      await inner.catch(() => undefined);
    });
    await expect(swallowing).rejects.toThrow('a transaction that joined this one has failed');
    expect(await effects()).toEqual([]);
  });

  it('fails with a statement that failed, also when the error is caught', async () => {
    const swallowing = shared(async () => {
      await add('a');
      await sql`select * from nowhere`.execute(db).catch(() => undefined);
    });
    await expect(swallowing).rejects.toThrow();
    expect(await effects()).toEqual([]);
  });

  it('takes in no transaction that wants another isolation level', async () => {
    const wanting = shared(() => db.transaction().setIsolationLevel('serializable').execute(backend));
    await expect(wanting).rejects.toThrow('takes its isolation level');
  });

  it('fails when the work returns before its statements have', async () => {
    const careless = shared(async () => {
      void add('a').catch(() => undefined);
    });
    await expect(careless).rejects.toThrow('while statements of its own still run');
    expect(await effects()).toEqual([]);
  });

  it('lets nothing that the work left behind write after its end', async () => {
    const ended = Promise.withResolvers<void>();
    let left: Promise<unknown> = Promise.resolve();
    const failing = shared(() => {
      left = ended.promise.then(() => add('late'));
      left.catch(() => undefined);
      return Promise.reject(new Error('no'));
    });
    await expect(failing).rejects.toThrow('no');
    ended.resolve();
    await expect(left).rejects.toThrow('has ended');
    expect(await effects()).toEqual([]);
  });

  it('starts none of the statements that still wait when the work fails', async () => {
    const waiting: Promise<unknown>[] = [];
    const failing = shared(async () => {
      waiting.push(add('a'), add('b'));
      await backend();
      waiting.push(sql`select pg_sleep(0.2)`.execute(db), add('c'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    const settled = await Promise.allSettled(waiting);
    expect(settled.at(-1)).toMatchObject({
      status: 'rejected',
      reason: { message: expect.stringContaining('has ended') },
    });
    expect(await effects()).toEqual([]);
  });

  it('is rolled back when its deadline cancels a statement, and gives its connection back', async () => {
    const deadline = new Deadline(200, 'request');
    const late = runWithDeadline(deadline, () =>
      shared(async () => {
        await add('a');
        await sql`select pg_sleep(20)`.execute(db);
      }),
    );
    expect(isResilienceError(await late.catch((error: unknown) => error), 'deadline_exceeded')).toBe(true);
    expect(await effects()).toEqual([]);
    expect(new Set(await Promise.all([backend(), backend()])).size).toBe(2);
  });

  it('ends with its deadline when the work waits for something else, and gives its connection back', async () => {
    const hung = Promise.withResolvers<void>();
    const late = [1, 2].map(() =>
      runWithDeadline(new Deadline(200, 'request'), () =>
        shared(async () => {
          await add('a');
          await hung.promise;
          await add('b');
        }),
      ).catch((error: unknown) => error),
    );
    for (const error of await Promise.all(late)) expect(isResilienceError(error, 'deadline_exceeded')).toBe(true);
    expect(new Set(await Promise.all([backend(), backend()])).size).toBe(2);
    hung.resolve();
    await backend();
    expect(await effects()).toEqual([]);
  });

  it('leaves another database alone', async () => {
    const other = connectPostgres<Tables>(postgresEnv.parse({ DATABASE_URL: url }));
    const failing = shared(async () => {
      await add('other', other);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await effects()).toEqual(['other']);
    await other.destroy();
  });
});
