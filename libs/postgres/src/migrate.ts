import { logger } from '@app/telemetry';
import { Kysely, PostgresDialect } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import pg from 'pg';
import { PostgresUnavailableError } from './postgres.errors.js';
import type { PostgresOptions } from './postgres.options.js';

export type { Migration };

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

/**
 * Brings the database to the latest migration. Each one runs in a transaction; names sort in the order in which they run.
 *
 * @returns the names of the migrations that ran now
 * @throws MigrationRunningError when another runner is at it
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
  });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
    const { error, results = [] } = await migrator.migrateToLatest();
    for (const { migrationName, status } of results) logger.info({ migration: migrationName, status }, 'migration');
    if (error) throw error;
    return results.filter(({ status }) => status === 'Success').map(({ migrationName }) => migrationName);
  } finally {
    await db.destroy();
  }
}
