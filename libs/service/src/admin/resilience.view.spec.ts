import { CircuitBreakerPolicy, HttpClient, type HttpClientOptions, ResilienceClients } from '@app/resilience';
import { describe, expect, it } from '@jest/globals';
import { resilienceView } from './resilience.view.js';

function viewOf(options: Partial<HttpClientOptions> = {}) {
  const client = new HttpClient('payments', { baseUrl: 'http://payments:3002/api', ...options });
  return { client, view: () => resilienceView(new ResilienceClients([['payments', client]])).payments };
}

describe('resilienceView', () => {
  it('shows the options, the state, the window and the budget of each client', () => {
    expect(viewOf().view()).toEqual({
      baseUrl: 'http://payments:3002/api',
      totalTimeoutMs: 5_000,
      attemptTimeoutMs: 2_000,
      circuitBreaker: {
        state: 'closed',
        window: { calls: 0, failures: 0, slow: 0 },
        failureRatio: 0.5,
        windowMs: 30_000,
        minimumThroughput: 10,
        slowCallMs: 1_600,
        slowCallRatio: 1,
        openMs: 5_000,
        maxOpenMs: 60_000,
        halfOpenProbes: 3,
      },
      bulkhead: { inUse: 0, queued: 0, maxConcurrent: 64, maxQueued: 64 },
      retry: {
        budget: 10,
        maxRetries: 2,
        baseDelayMs: 50,
        maxDelayMs: 1_000,
        maxRetryAfterMs: 10_000,
        budgetRatio: 0.1,
        budgetPerSecond: 1,
      },
    });
  });

  it('shows what is the case now', () => {
    const { client, view } = viewOf({ retry: { budgetPerSecond: 0 } });
    client.breaker?.record(client.breaker.acquire(), 'failure', 10);
    client.bulkhead?.tryEnter();
    client.retry?.budget.take();
    expect(view()).toMatchObject({
      circuitBreaker: { state: 'closed', window: { calls: 1, failures: 1, slow: 0 } },
      bulkhead: { inUse: 1 },
      retry: { budget: 0 },
    });
    client.breaker?.forceOpen();
    expect(view()).toMatchObject({ circuitBreaker: { state: 'forced-open' } });
  });

  it('shows which policies are off', () => {
    const { view } = viewOf({ retry: false, circuitBreaker: false, bulkhead: false });
    expect(view()).toMatchObject({ retry: false, circuitBreaker: false, bulkhead: false });
  });

  it.each([
    'http://app:s3cret@payments:3002/api',
    'http://s3cret@payments:3002/api',
    'http://:s3cret@payments:3002/api',
    'http://payments:3002/api?token=s3cret',
    'http://payments:3002/api#s3cret',
  ])('shows no credentials that the address holds: %s', (baseUrl) => {
    const text = JSON.stringify(viewOf({ baseUrl }).view());
    expect(text).toContain('payments:3002/api');
    expect(text).not.toContain('s3cret');
  });

  it('shows what is not called by HTTP, too', () => {
    const breaker = new CircuitBreakerPolicy('postgres', { openMs: 1_000 });
    expect(resilienceView(new ResilienceClients([['postgres', { breaker }]]))).toEqual({
      postgres: {
        circuitBreaker: expect.objectContaining({ state: 'closed', openMs: 1_000 }),
        bulkhead: false,
        retry: false,
      },
    });
  });

  it('shows each client under its name', () => {
    const clients = new ResilienceClients(
      ['payments', 'orders'].map((name) => [name, new HttpClient(name, { baseUrl: `http://${name}` })]),
    );
    expect(resilienceView(clients)).toMatchObject({
      payments: { baseUrl: 'http://payments' },
      orders: { baseUrl: 'http://orders' },
    });
  });
});
