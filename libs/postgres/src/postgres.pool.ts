import { catalogue, gauge, logger, serviceIdentity } from '@app/telemetry';
import pg from 'pg';
import type { PostgresOptions } from './postgres.options.js';

/** How much longer than the server the client waits for a statement: only a server that is frozen makes it wait so long. */
const frozenServerMarginMs = 500;

/** A pool in which every wait is bounded: for a connection, for a statement, for a lock in a transaction left open. */
export function createPool(options: PostgresOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: serviceIdentity().name,
    max: options.poolMax,
    connectionTimeoutMillis: options.acquireTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    idle_in_transaction_session_timeout: options.statementTimeoutMs,
    query_timeout: options.statementTimeoutMs + frozenServerMarginMs,
    keepAlive: true,
    types: { getTypeParser: parserOf as typeof pg.types.getTypeParser },
  });
  // A connection that breaks while idle is replaced at the next request; without a listener it would end the process.
  pool.on('error', (error) => logger.warn({ err: error, context: 'Postgres' }, 'an idle connection broke'));

  gauge(catalogue.postgresPoolConnections, (metric) => {
    metric.set({ state: 'idle' }, pool.idleCount);
    metric.set({ state: 'used' }, pool.totalCount - pool.idleCount);
  });
  gauge(catalogue.postgresPoolPending, (metric) => metric.set(pool.waitingCount));
  gauge(catalogue.postgresPoolMax).set(options.poolMax);
  return pool;
}

/** `bigint` columns are numbers here: amounts and counts, far below 2^53. */
function parserOf(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  return oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format);
}
