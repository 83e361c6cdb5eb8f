import { describe, expect, it } from '@jest/globals';
import { httpClientEnv, httpClientOptions } from './http-client.options.js';

const baseUrl = 'http://payments:3002';

/** The names of what is wrong. */
function refused(options: object): string[] {
  const { error } = httpClientOptions.safeParse({ baseUrl, ...options });
  return (error?.issues ?? []).map(({ path }) => path.join('.'));
}

describe('httpClientOptions', () => {
  it('needs a base address only', () => {
    expect(httpClientOptions.parse({ baseUrl })).toEqual({
      baseUrl,
      attemptTimeoutMs: 2_000,
      connectTimeoutMs: 1_000,
      maxConnections: 64,
      maxRequestBytes: 1024 * 1024,
      maxResponseBytes: 10 * 1024 * 1024,
    });
    expect(refused({ baseUrl: undefined })).toEqual(['baseUrl']);
  });

  it.each([
    ['baseUrl', 'payments:3002'],
    ['baseUrl', 'ftp://payments'],
    ['attemptTimeoutMs', 0],
    ['attemptTimeoutMs', 600_001],
    ['attemptTimeoutMs', 1.5],
    ['attemptTimeoutMs', 'soon'],
    ['connectTimeoutMs', 0],
    ['connectTimeoutMs', 60_001],
    ['maxConnections', 0],
    ['maxConnections', 10_001],
    ['maxRequestBytes', 0],
    ['maxResponseBytes', -1],
  ])('refuses %s: %j, by its name', (name, value) => {
    expect(refused({ [name]: value })).toEqual([name]);
  });

  it('refuses an option that it does not know', () => {
    expect(() => httpClientOptions.parse({ baseUrl, timeout: 5 })).toThrow('timeout');
  });

  it('names everything that is wrong at once', () => {
    expect(refused({ attemptTimeoutMs: 0, maxConnections: 0 })).toEqual(['attemptTimeoutMs', 'maxConnections']);
  });
});

describe('httpClientEnv', () => {
  it('reads the variables of its prefix', () => {
    const env = {
      PAYMENTS_URL: baseUrl,
      PAYMENTS_ATTEMPT_TIMEOUT_MS: '500',
      PAYMENTS_CONNECT_TIMEOUT_MS: '100',
      PAYMENTS_MAX_CONNECTIONS: '8',
      ORDERS_MAX_CONNECTIONS: '9',
    };
    expect(httpClientEnv('PAYMENTS').parse(env)).toMatchObject({
      baseUrl,
      attemptTimeoutMs: 500,
      connectTimeoutMs: 100,
      maxConnections: 8,
    });
  });

  it('has the options’ defaults, or those that it is given', () => {
    expect(httpClientEnv('PAYMENTS', { baseUrl }).parse({})).toEqual(httpClientOptions.parse({ baseUrl }));
    const env = httpClientEnv('PAYMENTS', { baseUrl, attemptTimeoutMs: 5_000 });
    expect(env.parse({})).toMatchObject({ attemptTimeoutMs: 5_000 });
    expect(env.parse({ PAYMENTS_ATTEMPT_TIMEOUT_MS: '7' })).toMatchObject({ attemptTimeoutMs: 7 });
  });

  it('names the variables that are missing or wrong', () => {
    const { error } = httpClientEnv('PAYMENTS').safeParse({ PAYMENTS_ATTEMPT_TIMEOUT_MS: '0' });
    expect(error?.issues.map(({ path }) => path[0])).toEqual(['PAYMENTS_URL', 'PAYMENTS_ATTEMPT_TIMEOUT_MS']);
  });
});
