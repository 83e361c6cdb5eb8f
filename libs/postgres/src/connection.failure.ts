import { ResilienceError } from '@app/resilience';

/** SQLSTATE classes that speak of the server or the connection, not of the statement. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const serverStates = /^(08|53|57P0)/;
const networkCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** What pg says in words only: no connection in time, a connection that broke, a server that is frozen. */
const words =
  /^(timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client has encountered a connection error)/;

/** The error of a statement or a wait for a connection: `unavailable` where the database is to blame, what it was otherwise. */
export function connectionFailure(error: unknown): unknown {
  const { code = '', message } = error as { code?: string; message?: string };
  const unavailable = serverStates.test(code) || networkCodes.has(code) || words.test(String(message));
  return unavailable
    ? new ResilienceError({ code: 'unavailable', client: 'postgres', retryAfterMs: 1_000, cause: error })
    : error;
}

/** Whether a statement misses its table: of a service that was never migrated, or of one mistaken handler. */
export function isMissingTable(error: unknown): boolean {
  return (error as { code?: string }).code === '42P01';
}

/** What the log calls it: pg gives no code to what it says in words only. */
export function failureOf(error: unknown): { code: string } {
  return { code: (error as { code?: string }).code ?? 'connection_failed' };
}

/** Whether a wait for a connection ended because all are in use, which says nothing of the database. */
export function isFullPool(error: unknown): boolean {
  return (error as Error).message === 'timeout exceeded when trying to connect';
}
