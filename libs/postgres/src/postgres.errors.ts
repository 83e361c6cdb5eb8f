import { redactCredentials } from '@app/telemetry';

/** The database cannot be used; `mend` says what a person can do about it. */
export class PostgresUnavailableError extends Error {
  readonly mend: string;

  constructor(url: string, cause: unknown) {
    super(`its database ${redactCredentials(url)} cannot be used: ${messageOf(cause)}`, { cause });
    this.name = 'PostgresUnavailableError';
    this.mend = mends[codeOf(cause)] ?? 'Check that Postgres runs there and that DATABASE_URL is right.';
  }
}

/** By SQLSTATE. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const mends: Record<string, string> = {
  '28000': 'Postgres refuses this user: check the user in DATABASE_URL.',
  '28P01': 'Postgres refuses this password: check DATABASE_URL.',
  '3D000': 'Create the database, or name another one in DATABASE_URL.',
  '53300': 'Postgres has no connection left: lower DATABASE_POOL_MAX or raise its max_connections.',
  '42P01': 'Its tables are missing: run `pnpm migrate`, in production the migration step of the release.',
};

/** SQLSTATE, or what Node calls it. */
export function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | undefined)?.code ?? '');
}

/** Node reports a refused connection to several addresses as an AggregateError without a message. */
function messageOf(error: unknown): string {
  return (error as Error).message || codeOf(error);
}
