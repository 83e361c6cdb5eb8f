import { describe, expect, it } from '@jest/globals';
import { httpClientOptions } from './http-client.options.js';

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
      totalTimeoutMs: 5_000,
      attemptTimeoutMs: 2_000,
      connectTimeoutMs: 1_000,
      maxConnections: 64,
      maxRequestBytes: 1024 * 1024,
      maxResponseBytes: 10 * 1024 * 1024,
      retry: {
        maxRetries: 2,
        baseDelayMs: 50,
        maxDelayMs: 1_000,
        maxRetryAfterMs: 10_000,
        budgetRatio: 0.1,
        budgetPerSecond: 1,
      },
      circuitBreaker: {
        failureRatio: 0.5,
        windowMs: 30_000,
        minimumThroughput: 10,
        slowCallMs: 1_600,
        slowCallRatio: 1,
        openMs: 5_000,
        maxOpenMs: 60_000,
        halfOpenProbes: 3,
      },
      bulkhead: { maxConcurrent: 64, maxQueued: 64 },
    });
    expect(refused({ baseUrl: undefined })).toEqual(['baseUrl']);
  });

  it.each(['retry', 'circuitBreaker', 'bulkhead'])('keeps %s off when that is false', (policy) => {
    expect(httpClientOptions.parse({ baseUrl, [policy]: false })).toMatchObject({ [policy]: false });
  });

  it('fills up a policy of which it is told a part', () => {
    const { retry, bulkhead } = httpClientOptions.parse({ baseUrl, retry: { maxRetries: 5 }, bulkhead: {} });
    expect(retry).toMatchObject({ maxRetries: 5, baseDelayMs: 50 });
    expect(bulkhead).toEqual({ maxConcurrent: 64, maxQueued: 64 });
  });

  it.each([
    ['baseUrl', 'payments:3002'],
    ['baseUrl', 'ftp://payments'],
    ['totalTimeoutMs', 600_001],
    ['attemptTimeoutMs', 0],
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

  it.each([
    ['retry.maxRetries', { retry: { maxRetries: 11 } }],
    ['circuitBreaker.failureRatio', { circuitBreaker: { failureRatio: 0 } }],
    ['bulkhead.maxQueued', { bulkhead: { maxQueued: -1 } }],
  ])('refuses what is out of range in a policy, by its name: %s', (name, options) => {
    expect(refused(options)).toEqual([name]);
  });

  it.each([
    [{ timeout: 5 }],
    [{ retry: { timeout: 5 } }],
    [{ circuitBreaker: { timeout: 5 } }],
    [{ bulkhead: { timeout: 5 } }],
  ])('refuses an option that it does not know: %j', (options) => {
    expect(() => httpClientOptions.parse({ baseUrl, ...options })).toThrow('timeout');
  });

  it.each([
    ['attemptTimeoutMs (6000) must not exceed totalTimeoutMs (5000)', { attemptTimeoutMs: 6_000 }],
    ['slowCallMs (3000) must not exceed attemptTimeoutMs (2000)', { circuitBreaker: { slowCallMs: 3_000 } }],
    ['openMs (9000) must not exceed maxOpenMs (8000)', { circuitBreaker: { openMs: 9_000, maxOpenMs: 8_000 } }],
  ])('names both values of a contradiction: %s', (message, options) => {
    const { error } = httpClientOptions.safeParse({ baseUrl, ...options });
    expect(error?.issues.map((issue) => issue.message)).toEqual([message]);
  });

  it('takes for slow what nearly timed out, unless it is told', () => {
    const resolved = (options: object) => httpClientOptions.parse({ baseUrl, ...options }).circuitBreaker;
    expect(resolved({ attemptTimeoutMs: 1_000 })).toMatchObject({ slowCallMs: 800 });
    expect(resolved({ attemptTimeoutMs: 1 })).toMatchObject({ slowCallMs: 1 });
    expect(resolved({ circuitBreaker: { slowCallMs: 50 } })).toMatchObject({ slowCallMs: 50 });
    expect(resolved({ circuitBreaker: false })).toBe(false);
  });

  it('names everything that is wrong at once', () => {
    expect(refused({ attemptTimeoutMs: 0, maxConnections: 0 })).toEqual(['attemptTimeoutMs', 'maxConnections']);
  });
});
