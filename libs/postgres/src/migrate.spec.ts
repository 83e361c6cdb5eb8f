import { type PostgresServer, startPostgres } from '@app/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Kysely, sql } from 'kysely';
import pg from 'pg';
import { type Migration, MigrationBlockedError, MigrationRunningError, migrate } from './migrate.js';
import { PostgresUnavailableError } from './postgres.errors.js';
import { postgresEnv } from './postgres.options.js';

const running = (statement: string): Migration => ({
  up: async (db: Kysely<unknown>) => {
    await sql.raw(statement).execute(db);
  },
});
const first = running('create table first (id int)');
const second = running('create table second (id int)');

describe('migrate', () => {
  let server: PostgresServer;
  let databases = 0;
  let url: string;
  const options = () => postgresEnv.parse({ DATABASE_URL: url });

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    databases += 1;
    url = await server.database(`migrate_${databases}`);
  });

  async function tables(): Promise<string[]> {
    const found = `select tablename as name from pg_tables where schemaname = 'public' and tablename not like 'kysely%'`;
    const rows = await server.query<{ name: string }>(`migrate_${databases}`, `${found} order by 1`);
    return rows.map(({ name }) => name);
  }

  it('runs what has not run yet, in the order of the names, once', async () => {
    expect(await migrate(options(), { '0001-first': first })).toEqual(['0001-first']);
    expect(await migrate(options(), { '0002-second': second, '0001-first': first })).toEqual(['0002-second']);
    expect(await migrate(options(), { '0002-second': second, '0001-first': first })).toEqual([]);
    expect(await tables()).toEqual(['first', 'second']);
  });

  it('leaves nothing of a migration that fails, and fails with what it failed with', async () => {
    const broken = running('create table half (id int); create table');
    await expect(migrate(options(), { '0001-broken': broken })).rejects.toThrow('syntax error');
    expect(await tables()).toEqual([]);
    expect(await migrate(options(), { '0001-first': first })).toEqual(['0001-first']);
  });

  it('refuses to run beside another runner, and says what to do', async () => {
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const slow: Migration = {
      up: async () => {
        begun.resolve();
        await end.promise;
      },
    };
    const underway = migrate(options(), { '0001-slow': slow });
    await begun.promise;
    const error = await migrate(options(), { '0001-slow': slow }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MigrationRunningError);
    expect(error).toMatchObject({ mend: expect.stringContaining('run this one again') });
    end.resolve();
    expect(await underway).toEqual(['0001-slow']);
  });

  it('may take longer than a statement of the service', async () => {
    const slow = running('select pg_sleep(0.1)');
    expect(await migrate({ ...options(), statementTimeoutMs: 20 }, { '0001-slow': slow })).toEqual(['0001-slow']);
  });

  it('leaves what a later version has made, so that one can go back to the version before', async () => {
    await migrate(options(), { '0001-first': first, '0002-second': second });
    expect(await migrate(options(), { '0001-first': first })).toEqual([]);
    expect(await tables()).toEqual(['first', 'second']);
    await expect(migrate(options(), { '0001-first': first, '0003-other': second })).rejects.toThrow('0002-second');
  });

  it('gives up on a table that is in use, so that what came later does not wait behind it for long', async () => {
    await migrate(options(), { '0001-first': first });
    const user = new pg.Client(url);
    await user.connect();
    await user.query('begin; select from first');
    const change = { '0001-first': first, '0002-change': running('alter table first add column text text') };
    const error = await migrate({ ...options(), statementTimeoutMs: 20 }, change).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MigrationBlockedError);
    expect(error).toMatchObject({ mend: expect.stringContaining('Run it again') });
    await user.end();
    expect(await migrate(options(), change)).toEqual(['0002-change']);
  });

  it('says that the database cannot be used', async () => {
    const missing = new URL(url);
    missing.pathname = '/nowhere';
    const error = await migrate({ ...options(), url: missing.href }, {}).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PostgresUnavailableError);
  });
});
