import { HealthCheck, type HealthReason, type HealthResult, type ObservedHealth } from '@app/health';
import { isResilienceError } from '@app/resilience';
import { type Kysely, sql } from 'kysely';
import type { DeadlinePool } from '../deadline.pool.js';
import { codeOf, PostgresUnavailableError } from '../postgres.errors.js';
import type { PostgresOptions } from '../postgres.options.js';

export interface PostgresHealthOptions {
  db: Kysely<unknown>;
  pool: DeadlinePool;
  options: PostgresOptions;
  /** Asked for, so that a database that was never migrated is found too. */
  tables: ReadonlySet<string>;
}

/** Whether the database answers on the pool that requests use. A pool that is full is load: it is not waited for, and never not ready. */
@HealthCheck({ name: 'postgres', ready: true })
export class PostgresHealth {
  /** One at a time: where the server is frozen, a query holds its connection for longer than a check lasts. */
  private underway?: Promise<HealthResult>;

  constructor(private readonly connection: PostgresHealthOptions) {}

  observed(): ObservedHealth | undefined {
    const { lastUse } = this.connection.pool;
    return lastUse && { at: lastUse.at, ...(lastUse.failure ? this.failed(lastUse.failure) : { status: 'ok' }) };
  }

  async check(): Promise<HealthResult> {
    if (this.isFull) return this.full();
    this.underway ??= this.query().finally(() => {
      this.underway = undefined;
    });
    return this.underway;
  }

  private async query(): Promise<HealthResult> {
    const { db, tables } = this.connection;
    try {
      await sql`select from ${sql.join([...tables].map((table) => sql.table(table)))} limit 0`.execute(db);
      return { status: 'ok' };
    } catch (error) {
      return this.isFull ? this.full() : this.failed(error);
    }
  }

  private get isFull(): boolean {
    const { pool, options } = this.connection;
    return pool.idleCount === 0 && pool.totalCount >= options.poolMax;
  }

  /** Full of work, or full of connections that get no answer: what came last tells. */
  private full(): HealthResult {
    const failure = this.connection.pool.lastUse?.failure;
    return failure ? this.failed(failure) : { status: 'degraded', reason: 'pool_full' };
  }

  /** While the breaker is open, what it opened for is still so. */
  private failed(thrown: unknown): HealthResult {
    const open = isResilienceError(thrown, 'circuit_open');
    const error = (open && this.connection.pool.lastUse?.failure) || thrown;
    const cause = isResilienceError(error, 'unavailable') ? error.cause : error;
    return {
      status: 'error',
      reason: reasonOf(error),
      cause: new PostgresUnavailableError(this.connection.options.url, cause),
    };
  }
}

/** By SQLSTATE. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const reasons: Record<string, HealthReason> = {
  '28000': 'refused',
  '28P01': 'refused',
  '42501': 'refused',
  '3D000': 'not_migrated',
  '42P01': 'not_migrated',
  '53300': 'no_connection_left',
};

function reasonOf(error: unknown): HealthReason {
  if (isResilienceError(error, 'circuit_open')) return 'circuit_open';
  if (isResilienceError(error, 'unavailable')) return reasons[codeOf(error.cause)] ?? 'unreachable';
  return isResilienceError(error) ? 'timeout' : (reasons[codeOf(error)] ?? 'failed');
}
