import { describe, expect, it } from '@jest/globals';
import { PostgresUnavailableError } from './postgres.errors.js';

const url = 'postgres://app:s3cret@db:5432/orders';
const failure = (code: string, message = 'it failed') => Object.assign(new Error(message), { code });

describe('PostgresUnavailableError', () => {
  it('names the database and the reason, never the password', () => {
    const { message } = new PostgresUnavailableError(url, failure('28P01', 'password authentication failed'));
    expect(message).toBe(
      'its database postgres://app:[redacted]@db:5432/orders cannot be used: password authentication failed',
    );
  });

  it.each([
    ['28000', 'check the user'],
    ['28P01', 'check DATABASE_URL'],
    ['3D000', 'Create the database'],
    ['53300', 'DATABASE_POOL_MAX'],
    ['42P01', 'pnpm migrate'],
    ['ECONNREFUSED', 'Check that Postgres runs there'],
  ])('says for %s what to do', (code, mend) => {
    expect(new PostgresUnavailableError(url, failure(code)).mend).toContain(mend);
  });

  it('names the code where there is no message', () => {
    const cause = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' });
    expect(new PostgresUnavailableError(url, cause).message).toMatch(/: ECONNREFUSED$/);
  });

  it('keeps its cause', () => {
    const cause = failure('28P01');
    expect(new PostgresUnavailableError(url, cause).cause).toBe(cause);
  });
});
