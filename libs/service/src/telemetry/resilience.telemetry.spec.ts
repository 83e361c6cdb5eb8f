import { type AttemptEvent, HttpClient, ResilienceClients, type ResilienceEvent } from '@app/resilience';
import { catalogue, logger, registry } from '@app/telemetry';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Span, trace } from '@opentelemetry/api';
import { ResilienceTelemetry } from './resilience.telemetry.js';

const attempt: AttemptEvent = {
  type: 'attempt',
  client: 'payments',
  method: 'POST',
  serverAddress: 'payments.internal',
  serverPort: 3002,
  durationMs: 250,
};

/** What the metric says, without its buckets. */
async function observed(): Promise<string[]> {
  const text = await registry.getSingleMetricAsString(catalogue.httpClientRequestDuration.name);
  return text.split('\n').filter((line) => /^\w+_(sum|count)/.test(line));
}

/** The samples of a metric, as a scrape reads them. */
async function samples({ name }: { name: string }): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line.startsWith(`${name}{`));
}

const open: ResilienceEvent = {
  type: 'transition',
  client: 'payments',
  from: 'closed',
  to: 'open',
  calls: 10,
  causes: ['ECONNREFUSED'],
  failures: 6,
  slow: 1,
};

describe('ResilienceTelemetry', () => {
  beforeEach(() => registry.clear());
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it.each([
    ['answered', { statusCode: 201 }, '201', ''],
    ['answered with an error', { statusCode: 503 }, '503', '503'],
    ['not answered', { errorType: 'ETIMEDOUT' }, '', 'ETIMEDOUT'],
  ])('observes an attempt that was %s, in seconds', async (_what, outcome, status, errorType) => {
    new ResilienceTelemetry(new ResilienceClients()).emit({ ...attempt, ...outcome });
    const labels = [
      'client="payments"',
      'http_request_method="POST"',
      `http_response_status_code="${status}"`,
      'server_address="payments.internal"',
      'server_port="3002"',
      `error_type="${errorType}"`,
    ].join(',');
    expect(await observed()).toEqual([
      `http_client_request_duration_seconds_sum{${labels}} 0.25`,
      `http_client_request_duration_seconds_count{${labels}} 1`,
    ]);
  });

  it('keeps clients apart', async () => {
    const telemetry = new ResilienceTelemetry(new ResilienceClients());
    for (const client of ['payments', 'orders', 'payments']) telemetry.emit({ ...attempt, client, statusCode: 200 });
    const counts = (await observed()).filter((line) => line.includes('_count'));
    expect(counts).toEqual([
      expect.stringMatching(/client="payments".* 2$/),
      expect.stringMatching(/client="orders".* 1$/),
    ]);
  });

  it('counts calls by outcome', async () => {
    const telemetry = new ResilienceTelemetry(new ResilienceClients());
    for (const outcome of ['success', 'success', 'deadline_exceeded', 'failure']) {
      telemetry.emit({ type: 'call', client: 'payments', outcome, durationMs: 5 });
    }
    expect(await samples(catalogue.resilienceCalls)).toEqual([
      'resilience_calls_total{client="payments",outcome="success"} 2',
      'resilience_calls_total{client="payments",outcome="deadline_exceeded"} 1',
      'resilience_calls_total{client="payments",outcome="failure"} 1',
    ]);
    expect(await samples(catalogue.deadlinesExceeded)).toEqual(['deadlines_exceeded_total{place="payments"} 1']);
  });

  it('counts repetitions by what they follow, and refusals by the rule', async () => {
    const telemetry = new ResilienceTelemetry(new ResilienceClients());
    telemetry.emit({ type: 'retry', client: 'payments', reason: '503', delayMs: 25 });
    telemetry.emit({ type: 'retry', client: 'payments', reason: 'ECONNRESET', delayMs: 25 });
    telemetry.emit({ type: 'retry_refused', client: 'payments', reason: 'budget' });
    expect(await samples(catalogue.resilienceRetries)).toEqual([
      'resilience_retries_total{client="payments",reason="503"} 1',
      'resilience_retries_total{client="payments",reason="ECONNRESET"} 1',
    ]);
    expect(await samples(catalogue.resilienceRetriesRefused)).toEqual([
      'resilience_retries_refused_total{client="payments",reason="budget"} 1',
    ]);
  });

  it('counts and marks each fallback, and logs one line for each call that failed', async () => {
    const [warn, addEvent] = [jest.fn(), jest.fn()];
    jest.spyOn(logger, 'child').mockReturnValue({ warn } as never);
    jest.spyOn(trace, 'getActiveSpan').mockReturnValue({ addEvent } as unknown as Span);
    const telemetry = new ResilienceTelemetry(new ResilienceClients());
    const what = { client: 'orders', kind: 'stale', reason: 'ECONNREFUSED' } as const;
    for (const known of [false, true, true]) telemetry.emit({ type: 'fallback', ...what, known });
    telemetry.emit({ type: 'fallback', ...what, kind: 'default', known: false });
    expect(await samples(catalogue.resilienceFallbacks)).toEqual([
      'resilience_fallbacks_total{client="orders",kind="stale"} 3',
      'resilience_fallbacks_total{client="orders",kind="default"} 1',
    ]);
    expect(addEvent.mock.calls).toEqual([
      ...Array(3).fill(['fallback', what]),
      ['fallback', { ...what, kind: 'default' }],
    ]);
    expect(warn.mock.calls).toEqual([
      [what, 'fallback for orders: stale'],
      [{ ...what, kind: 'default' }, 'fallback for orders: default'],
    ]);
  });

  it('counts and marks each refused request, and logs when that begins and when it is over', async () => {
    const [warn, info, addEvent] = [jest.fn(), jest.fn(), jest.fn()];
    jest.spyOn(logger, 'child').mockReturnValue({ warn, info } as never);
    jest.spyOn(trace, 'getActiveSpan').mockReturnValue({ addEvent } as unknown as Span);
    const telemetry = new ResilienceTelemetry(new ResilienceClients());
    const what = { priority: 'normal', reason: 'concurrency' } as const;
    telemetry.emit({ type: 'shed', ...what });
    telemetry.emit({ type: 'shedding', active: true, limit: 40, refusals: 1 });
    telemetry.emit({ type: 'shed', ...what });
    telemetry.emit({ type: 'shedding', active: false, limit: 50, refusals: 2 });
    expect(await samples(catalogue.requestsShed)).toEqual([
      'http_server_shed_requests_total{priority="normal",reason="concurrency"} 2',
    ]);
    expect(addEvent.mock.calls).toEqual(Array(2).fill(['shed', what]));
    expect(warn.mock.calls).toEqual([[{ limit: 40 }, 'too many requests: some are refused']]);
    expect(info.mock.calls).toEqual([[{ limit: 50, refusals: 2 }, 'no more requests are refused']]);
  });

  it('counts changes of state', async () => {
    const telemetry = new ResilienceTelemetry(new ResilienceClients());
    telemetry.emit(open);
    telemetry.emit(open);
    telemetry.emit({ ...open, from: 'open', to: 'half-open' });
    expect(await samples(catalogue.circuitBreakerTransitions)).toEqual([
      'circuit_breaker_transitions_total{client="payments",from="closed",to="open"} 2',
      'circuit_breaker_transitions_total{client="payments",from="open",to="half-open"} 1',
    ]);
  });

  it('logs each change of state in one line, and warns when it opens', () => {
    const [warn, info] = [jest.fn(), jest.fn()];
    jest.spyOn(logger, 'child').mockReturnValue({ warn, info } as never);
    const telemetry = new ResilienceTelemetry(new ResilienceClients());
    telemetry.emit(open);
    const { type, ...what } = open;
    expect(warn.mock.calls).toEqual([[what, 'circuit breaker of payments: closed to open']]);
    expect(info).not.toHaveBeenCalled();
    telemetry.emit({ ...open, from: 'open', to: 'half-open' });
    expect(info.mock.calls).toEqual([[expect.anything(), 'circuit breaker of payments: open to half-open']]);
    expect(warn).toHaveBeenCalledTimes(1);
  });

  it('marks the span that is active', () => {
    const addEvent = jest.fn();
    jest.spyOn(trace, 'getActiveSpan').mockReturnValue({ addEvent } as unknown as Span);
    const telemetry = new ResilienceTelemetry(new ResilienceClients());
    telemetry.emit({ type: 'retry', client: 'payments', reason: '503', delayMs: 25 });
    telemetry.emit({ type: 'retry_refused', client: 'payments', reason: 'limit' });
    telemetry.emit(open);
    telemetry.emit({ type: 'call', client: 'payments', outcome: 'success', durationMs: 5 });
    expect(addEvent.mock.calls).toEqual([
      ['retry', { client: 'payments', reason: '503', delay_ms: 25 }],
      ['retry refused', { client: 'payments', reason: 'limit' }],
      ['circuit breaker', { client: 'payments', from: 'closed', to: 'open' }],
    ]);
  });

  it('shows at each scrape what the policies of each client are up to', async () => {
    const clients = new ResilienceClients();
    const payments = new HttpClient('payments', { baseUrl: 'http://payments' });
    clients.set('payments', payments);
    clients.set(
      'bare',
      new HttpClient('bare', { baseUrl: 'http://bare', retry: false, circuitBreaker: false, bulkhead: false }),
    );
    new ResilienceTelemetry(clients);
    const state = (name: string) => `circuit_breaker_state{client="payments",state="${name}"}`;
    expect(await samples(catalogue.circuitBreakerState)).toEqual([
      `${state('closed')} 1`,
      `${state('open')} 0`,
      `${state('half-open')} 0`,
      `${state('forced-open')} 0`,
      `${state('forced-closed')} 0`,
    ]);
    expect(await samples(catalogue.retryBudget)).toEqual(['resilience_retry_budget_tokens{client="payments"} 10']);

    payments.breaker?.forceOpen();
    payments.bulkhead?.tryEnter();
    expect(await samples(catalogue.circuitBreakerState)).toContain(`${state('forced-open')} 1`);
    expect(await samples(catalogue.circuitBreakerState)).toContain(`${state('closed')} 0`);
    expect(await samples(catalogue.bulkheadCalls)).toEqual([
      'bulkhead_calls{client="payments",state="in_use"} 1',
      'bulkhead_calls{client="payments",state="queued"} 0',
    ]);
  });
});
