import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { httpClientEnv } from './http-client.env.js';
import { type HttpClientOptions, httpClientOptions } from './http-client.options.js';

const baseUrl = 'http://payments:3002';

/** Every variable, a value for it, and what becomes of it. */
const settable: [variable: string, value: string, option: Record<string, unknown>][] = [
  ['PAYMENTS_URL', 'https://elsewhere', { baseUrl: 'https://elsewhere' }],
  ['PAYMENTS_TOTAL_TIMEOUT_MS', '9000', { totalTimeoutMs: 9_000 }],
  ['PAYMENTS_ATTEMPT_TIMEOUT_MS', '500', { attemptTimeoutMs: 500 }],
  ['PAYMENTS_CONNECT_TIMEOUT_MS', '100', { connectTimeoutMs: 100 }],
  ['PAYMENTS_MAX_CONNECTIONS', '8', { maxConnections: 8 }],
  ['PAYMENTS_MAX_REQUEST_BYTES', '10', { maxRequestBytes: 10 }],
  ['PAYMENTS_MAX_RESPONSE_BYTES', '20', { maxResponseBytes: 20 }],
  ['PAYMENTS_RETRY', 'false', { retry: false }],
  ['PAYMENTS_RETRY_MAX_RETRIES', '5', { retry: { maxRetries: 5 } }],
  ['PAYMENTS_RETRY_BASE_DELAY_MS', '7', { retry: { baseDelayMs: 7 } }],
  ['PAYMENTS_RETRY_MAX_DELAY_MS', '8', { retry: { maxDelayMs: 8 } }],
  ['PAYMENTS_RETRY_MAX_RETRY_AFTER_MS', '9', { retry: { maxRetryAfterMs: 9 } }],
  ['PAYMENTS_RETRY_BUDGET_RATIO', '0.5', { retry: { budgetRatio: 0.5 } }],
  ['PAYMENTS_RETRY_BUDGET_PER_SECOND', '0', { retry: { budgetPerSecond: 0 } }],
  ['PAYMENTS_CIRCUIT_BREAKER', 'false', { circuitBreaker: false }],
  ['PAYMENTS_CIRCUIT_BREAKER_FAILURE_RATIO', '0.1', { circuitBreaker: { failureRatio: 0.1 } }],
  ['PAYMENTS_CIRCUIT_BREAKER_WINDOW_MS', '1000', { circuitBreaker: { windowMs: 1_000 } }],
  ['PAYMENTS_CIRCUIT_BREAKER_MINIMUM_THROUGHPUT', '3', { circuitBreaker: { minimumThroughput: 3 } }],
  ['PAYMENTS_CIRCUIT_BREAKER_SLOW_CALL_MS', '4', { circuitBreaker: { slowCallMs: 4 } }],
  ['PAYMENTS_CIRCUIT_BREAKER_SLOW_CALL_RATIO', '0.9', { circuitBreaker: { slowCallRatio: 0.9 } }],
  ['PAYMENTS_CIRCUIT_BREAKER_OPEN_MS', '6', { circuitBreaker: { openMs: 6 } }],
  ['PAYMENTS_CIRCUIT_BREAKER_MAX_OPEN_MS', '70000', { circuitBreaker: { maxOpenMs: 70_000 } }],
  ['PAYMENTS_CIRCUIT_BREAKER_HALF_OPEN_PROBES', '1', { circuitBreaker: { halfOpenProbes: 1 } }],
  ['PAYMENTS_BULKHEAD', 'false', { bulkhead: false }],
  ['PAYMENTS_BULKHEAD_MAX_CONCURRENT', '2', { bulkhead: { maxConcurrent: 2 } }],
  ['PAYMENTS_BULKHEAD_MAX_QUEUED', '0', { bulkhead: { maxQueued: 0 } }],
];

/** The variables that a client reads, with their types. */
function variables(defaults?: Partial<HttpClientOptions>): Record<string, z.ZodType> {
  return (httpClientEnv('PAYMENTS', defaults).in as z.ZodObject).shape as Record<string, z.ZodType>;
}

function messages(env: object, defaults: Partial<HttpClientOptions> = { baseUrl }): string[] {
  return (httpClientEnv('PAYMENTS', defaults).safeParse(env).error?.issues ?? []).map(({ message }) => message);
}

describe('httpClientEnv', () => {
  it('has the options’ defaults', () => {
    expect(httpClientEnv('PAYMENTS', { baseUrl }).parse({})).toEqual(httpClientOptions.parse({ baseUrl }));
  });

  it.each(settable)('reads %s=%s', (variable, value, option) => {
    const options = httpClientEnv('PAYMENTS', { baseUrl }).parse({ [variable]: value });
    expect(options).toMatchObject(option);
  });

  it('has one variable for each option, and no other', () => {
    expect(Object.keys(variables()).sort()).toEqual(settable.map(([variable]) => variable).sort());
  });

  it('describes each of its variables in a sentence, whether it has a default of the service or not', () => {
    const defaults = { baseUrl, attemptTimeoutMs: 500, retry: { maxRetries: 1 }, bulkhead: false } as const;
    for (const shape of [variables(), variables(defaults)]) {
      for (const [name, { description }] of Object.entries(shape)) {
        expect([name, description]).toEqual([name, expect.stringMatching(/^[A-Z].*\.$/)]);
      }
    }
  });

  it('reads no variable of another client', () => {
    expect(httpClientEnv('PAYMENTS', { baseUrl }).parse({ ORDERS_MAX_CONNECTIONS: '9' }).maxConnections).toBe(64);
  });

  it('has the defaults that a service gives, which the environment changes', () => {
    const env = httpClientEnv('PAYMENTS', { baseUrl, attemptTimeoutMs: 4_000 });
    expect(env.parse({}).attemptTimeoutMs).toBe(4_000);
    expect(env.parse({ PAYMENTS_ATTEMPT_TIMEOUT_MS: '7' }).attemptTimeoutMs).toBe(7);
  });

  it('has the defaults that a service gives for a policy, too', () => {
    const env = httpClientEnv('PAYMENTS', { baseUrl, retry: { maxRetries: 5 }, bulkhead: false });
    expect(env.parse({})).toMatchObject({ retry: { maxRetries: 5, baseDelayMs: 50 }, bulkhead: false });
    expect(env.parse({ PAYMENTS_RETRY_MAX_RETRIES: '1', PAYMENTS_BULKHEAD: 'true' })).toMatchObject({
      retry: { maxRetries: 1 },
      bulkhead: { maxConcurrent: 64 },
    });
  });

  it.each(['false', '0', 'off', 'no'])('switches a policy off with %s, whatever its other variables say', (off) => {
    const env = { PAYMENTS_RETRY: off, PAYMENTS_RETRY_MAX_RETRIES: '5' };
    expect(httpClientEnv('PAYMENTS', { baseUrl }).parse(env).retry).toBe(false);
  });

  it('needs an address where the service gives none, and names what is wrong', () => {
    const { error } = httpClientEnv('PAYMENTS').safeParse({
      PAYMENTS_ATTEMPT_TIMEOUT_MS: '0',
      PAYMENTS_RETRY: 'perhaps',
      PAYMENTS_RETRY_MAX_RETRIES: 'many',
    });
    const names = error?.issues.map(({ path }) => path[0]);
    expect(names).toEqual([
      'PAYMENTS_URL',
      'PAYMENTS_ATTEMPT_TIMEOUT_MS',
      'PAYMENTS_RETRY',
      'PAYMENTS_RETRY_MAX_RETRIES',
    ]);
  });

  it('names the client and both values of each contradiction', () => {
    expect(messages({ PAYMENTS_ATTEMPT_TIMEOUT_MS: '6000' })).toEqual([
      'PAYMENTS: attemptTimeoutMs (6000) must not exceed totalTimeoutMs (5000)',
    ]);
    expect(messages({ PAYMENTS_CIRCUIT_BREAKER_OPEN_MS: '70000' })).toEqual([
      'PAYMENTS: openMs (70000) must not exceed maxOpenMs (60000)',
    ]);
  });

  it('has the variables, defaults and meanings that the README lists', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const listed = [...readme.matchAll(/^\| (`PAYMENTS_\w+`) +\| (\S.*?) +\| (\S.*?) +\|$/gm)].map(
      ([, ...cells]) => cells,
    );
    const read = Object.entries(variables()).map(([name, type]) => {
      const { success, data } = type.safeParse(undefined);
      const value = data === undefined ? 'none' : `\`${String(data)}\``;
      return [`\`${name}\``, success ? value : 'required', type.description];
    });
    expect(listed).toEqual(read);
  });
});
