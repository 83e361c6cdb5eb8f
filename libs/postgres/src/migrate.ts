import { logger } from '@app/telemetry';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import pg from 'pg';
import { PostgresUnavailableError } from './postgres.errors.js';
import type { PostgresOptions } from './postgres.options.js';

export type { Migration };

const lockNotAvailable = '55P03';
const undefinedTable = '42P01';

/** Our advisory lock: any number that nothing else in the database uses. */
const migrationLock = 4_273_001;

/** Another runner is migrating this database. */
export class MigrationRunningError extends Error {
  readonly mend = 'Wait until the other one has ended, then run this one again.';

  constructor() {
    super('another migration of this database is running');
    this.name = 'MigrationRunningError';
  }
}

/** A table was in use for too long. */
export class MigrationBlockedError extends Error {
  readonly mend =
    'Nothing has changed. Run it again when less is going on, or give it longer with DATABASE_STATEMENT_TIMEOUT_MS.';

  constructor(waitedMs: number, cause: Error) {
    super(`a migration waited ${waitedMs} ms for a table that others use, and all that came later waited behind it`, {
      cause,
    });
    this.name = 'MigrationBlockedError';
  }
}

/**
 * Brings the database to the latest migration. All that are due run in one transaction; names sort in the order in which they run. A statement may
 * take as long as it needs, but waits for a lock for `statementTimeoutMs` at most. A database that a later version has migrated is left as it
 * is, so that one can go back.
 *
 * @returns the names of the migrations that ran now
 * @throws MigrationRunningError when another runner is at it
 * @throws MigrationBlockedError when a lock was not to be had
 * @throws PostgresUnavailableError when the database cannot be reached
 */
export async function migrate(options: PostgresOptions, migrations: Record<string, Migration>): Promise<string[]> {
  const lock = new pg.Client({ connectionString: options.url, connectionTimeoutMillis: options.acquireTimeoutMs });
  // A connection that breaks fails the statement under way; without a listener it would end the process first.
  lock.on('error', () => undefined);
  await lock.connect().catch((error) => {
    throw new PostgresUnavailableError(options.url, error);
  });
  try {
    const { rows } = await lock.query('select pg_try_advisory_lock($1) as locked', [migrationLock]);
    if (!rows[0].locked) throw new MigrationRunningError();
    return await runAll(options, migrations);
  } finally {
    await lock.end();
  }
}

async function runAll(options: PostgresOptions, migrations: Record<string, Migration>): Promise<string[]> {
  // No statement timeout here: a migration may rewrite a table.
  const pool = new pg.Pool({
    connectionString: options.url,
    max: 2,
    connectionTimeoutMillis: options.acquireTimeoutMs,
    lock_timeout: options.statementTimeoutMs,
  });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    const later = await laterThan(migrations, db);
    if (later.length > 0) {
      logger.info({ migrations: later }, 'a later version has migrated this database: nothing to do');
      return [];
    }
    const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
    const { error, results = [] } = await migrator.migrateToLatest();
    for (const { migrationName, status } of results) logger.info({ migration: migrationName, status }, 'migration');
    if (isCode(error, lockNotAvailable)) throw new MigrationBlockedError(options.statementTimeoutMs, error);
    if (error) throw error;
    return results.filter(({ status }) => status === 'Success').map(({ migrationName }) => migrationName);
  } finally {
    await db.destroy();
  }
}

/** What has run beyond all of ours. Nothing where one of ours has not run yet: then the two versions are of different branches. */
async function laterThan(migrations: Record<string, Migration>, db: Kysely<unknown>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`
    .execute(db)
    .catch((error) => {
      if (isCode(error, undefinedTable)) return { rows: [] };
      throw error;
    });
  const ran = rows.map(({ name }) => name);
  return Object.keys(migrations).every((name) => ran.includes(name)) ? ran.filter((name) => !(name in migrations)) : [];
}

const isCode = (error: unknown, code: string): error is Error =>
  (error as { code?: string } | undefined)?.code === code;
