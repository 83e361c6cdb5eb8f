import { CircuitBreakerPolicy, type ResilienceEvents } from '@app/resilience';
import { catalogue, gauge, logger, serviceIdentity } from '@app/telemetry';
import pg from 'pg';
import { DeadlineClient } from './deadline.client.js';
import { DeadlinePool } from './deadline.pool.js';
import type { PostgresOptions } from './postgres.options.js';

const goneClientCheckMs = 500;

/** How much longer than the server the client waits for a statement: only a server that is frozen makes it wait so long. */
const frozenServerMarginMs = 500;

/** A pool in which every wait is bounded: for a connection, for a statement, for a lock in a transaction left open. */
export function createPool(options: PostgresOptions, events?: ResilienceEvents): DeadlinePool {
  const { openMs } = options;
  const breaker = new CircuitBreakerPolicy(
    'postgres',
    { windowMs: 10_000, openMs, maxOpenMs: openMs, halfOpenProbes: 1 },
    events,
  );
  const config: pg.PoolConfig = {
    Client: DeadlineClient,
    connectionString: options.url,
    application_name: serviceIdentity().name,
    max: options.poolMax,
    connectionTimeoutMillis: options.acquireTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    idle_in_transaction_session_timeout: options.statementTimeoutMs,
    query_timeout: options.statementTimeoutMs + frozenServerMarginMs,
    // A server that runs a statement for a client that is gone ends it.
    options: `-c client_connection_check_interval=${goneClientCheckMs}`,
    keepAlive: true,
    types: { getTypeParser: parserOf as typeof pg.types.getTypeParser },
  };
  const pool = new DeadlinePool(config, breaker, events);
  // A connection that breaks fails what runs on it, and is replaced. Without listeners it would end the process.
  pool.on('connect', (client) => {
    client.on('error', (error) => {
      if ((client as unknown as DeadlineClient).dropped) return;
      logger.warn({ err: error, context: 'Postgres' }, 'a connection broke');
    });
  });
  pool.on('error', () => undefined);

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
