import { getEventListeners, once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AxiosError } from 'axios';
import { Deadline, runWithDeadline } from '../deadline/deadline.js';
import type { ResilienceEvent } from '../events/resilience.events.js';
import { timers } from '../timers/timer-queue.js';
import type { MaybeOverloaded } from './axios-retry.driver.js';
import { HttpClient } from './http-client.js';
import type { HttpClientOptions } from './http-client.options.js';

interface Received {
  at: number;
  method?: string;
  url?: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** How a request is answered: with a status and headers, or not. */
type Answer = number | [status: number, headers: Record<string, string>] | 'reset' | 'never';

/** The network is real, the time is not: nothing passes but what a spec lets pass. */
describe('HttpClient calls out through its policies', () => {
  let server: Server;
  let received: Received[];
  let answers: Answer[];
  let events: ResilienceEvent[];
  let client: HttpClient;

  beforeEach(async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'clearImmediate', 'queueMicrotask'] });
    // Half of the longest pause: 25 ms before the first repetition, 50 ms before the second. No breaker opens for shorter.
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
    received = [];
    answers = [];
    events = [];
    server = createServer(async (request, response) => {
      const { method, url, headers } = request;
      const at = performance.now();
      received.push({ at, method, url, headers, body: await text(request) });
      give(answers.shift() ?? 200, response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    connect();
  });
  afterEach(async () => {
    expect(timers.size).toBe(0);
    server.closeAllConnections();
    server.close();
    await client.close();
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  function give(answer: Answer, response: ServerResponse): void {
    if (answer === 'never') return;
    if (answer === 'reset') response.socket?.resetAndDestroy();
    else if (typeof answer === 'number') response.writeHead(answer).end();
    else response.writeHead(answer[0], answer[1]).end();
  }

  function connect(options: Partial<HttpClientOptions> = {}): void {
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    client = new HttpClient('payments', { baseUrl, ...options }, { emit: (event) => events.push(event) });
  }

  /** Lets what is under way come to rest. */
  async function until(condition: () => boolean): Promise<void> {
    do await new Promise(setImmediate);
    while (!condition());
  }

  const count = (type: ResilienceEvent['type']) => events.filter((event) => event.type === type).length;
  const arrived = (requests: number) => until(() => received.length >= requests);

  /** Waits until the client pauses for the nth time, and lets that pause pass. */
  async function passPause(nth: number): Promise<void> {
    await until(() => count('retry') >= nth);
    const pause = events.filter((event) => event.type === 'retry')[nth - 1];
    await new Promise(setImmediate);
    jest.advanceTimersByTime(pause!.delayMs);
  }

  /** What the call fails with. */
  async function failure(call: Promise<unknown>): Promise<AxiosError & MaybeOverloaded> {
    const error = await call.then(
      () => 'nothing',
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(Error);
    return error as AxiosError & MaybeOverloaded;
  }

  describe('repeats', () => {
    it('no POST without a key: its reset socket has sent one request', async () => {
      answers = ['reset'];
      const error = await failure(client.post('/payments', { amount: 5 }));
      expect(error).toMatchObject({ code: 'ECONNRESET', overloaded: true });
      expect(received).toHaveLength(1);
      expect(client.retry?.budget.level).toBe(10);
    });

    it('a POST with an Idempotency-Key up to the limit, with the same body each time', async () => {
      answers = ['reset', 'reset', 'reset', 200];
      const call = failure(client.post('/payments', { amount: 5 }, { headers: { 'Idempotency-Key': 'order-7' } }));
      await passPause(1);
      await passPause(2);
      expect(await call).toMatchObject({ code: 'ECONNRESET', overloaded: true });
      expect(received).toHaveLength(3);
      for (const { method, body, headers } of received) {
        expect({ method, body }).toEqual({ method: 'POST', body: '{"amount":5}' });
        expect(headers).toMatchObject({ 'idempotency-key': 'order-7', 'content-type': 'application/json' });
      }
      expect(client.retry?.budget.level).toBeCloseTo(8.075);
    });

    it('a GET that was answered 503, and succeeds with the next answer', async () => {
      answers = [503];
      const call = client.get('/products', { params: { page: 2 } });
      await passPause(1);
      expect((await call).status).toBe(200);
      expect(received.map(({ url }) => url)).toEqual(['/products?page=2', '/products?page=2']);
    });

    it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])('%s, which is idempotent', async (method) => {
      answers = ['reset'];
      const call = client.request({ url: '/', method });
      await passPause(1);
      expect((await call).status).toBe(200);
      expect(received.map((request) => request.method)).toEqual([method, method]);
    });

    it.each(['POST', 'PATCH'])('no %s, which is not', async (method) => {
      answers = [503];
      expect((await failure(client.request({ url: '/', method }))).response?.status).toBe(503);
      expect(received).toHaveLength(1);
    });

    it.each([408, 429, 502, 503, 504])('after a %i', async (status) => {
      answers = [status];
      const call = client.get('/');
      await passPause(1);
      expect((await call).status).toBe(200);
      expect(received).toHaveLength(2);
    });

    it.each([400, 401, 404, 409, 422, 500, 501])(
      'nothing after a %i, and says so to the tier above',
      async (status) => {
        answers = [status];
        const error = await failure(client.get('/'));
        expect(error.response?.status).toBe(status);
        expect(error.overloaded).toBe(true);
        expect(received).toHaveLength(1);
      },
    );

    it('an attempt that took too long', async () => {
      answers = ['never'];
      const call = client.get('/');
      await arrived(1);
      jest.advanceTimersByTime(2_000);
      await passPause(1);
      expect((await call).status).toBe(200);
      expect(received).toHaveLength(2);
      expect(events).toContainEqual({ type: 'retry', client: 'payments', reason: 'ETIMEDOUT', delayMs: 25 });
    });

    it('after as long as the service asks', async () => {
      answers = [[503, { 'retry-after': '3' }]];
      const call = client.get('/');
      await passPause(1);
      await call;
      expect(received[1]!.at - received[0]!.at).toBe(3_000);
      expect(received).toHaveLength(2);
    });

    it.each([
      ['when the service asks for a longer pause than it may', '11', 'retry_after', 60_000],
      ['when the pause would outlast the call', '5', 'deadline', 5_000],
    ])('nothing, and at once, %s', async (_when, retryAfter, reason, totalTimeoutMs) => {
      connect({ totalTimeoutMs });
      answers = [[503, { 'retry-after': retryAfter }]];
      expect(await failure(client.get('/'))).toMatchObject({ response: { status: 503 }, overloaded: true });
      expect(events).toContainEqual({ type: 'retry_refused', client: 'payments', reason });
      expect(received).toHaveLength(1);
    });

    it('nothing when there is no budget', async () => {
      connect({ retry: { budgetPerSecond: 0, budgetRatio: 0 } });
      answers = [503];
      expect((await failure(client.get('/'))).overloaded).toBe(true);
      expect(events).toContainEqual({ type: 'retry_refused', client: 'payments', reason: 'budget' });
      expect(received).toHaveLength(1);
    });

    it('as many as its calls have earned', async () => {
      connect({ retry: { budgetPerSecond: 0, budgetRatio: 0.5, maxRetries: 1 } });
      const retriesOf = async () => {
        const before = count('retry');
        answers = [503];
        const call = client.get('/').catch(() => undefined);
        await until(() => count('retry') + count('retry_refused') > retried);
        retried += 1;
        if (count('retry') > before) await passPause(count('retry'));
        await call;
        return count('retry') - before;
      };
      let retried = 0;
      const retries: number[] = [];
      for (let n = 0; n < 6; n++) retries.push(await retriesOf());
      expect(retries).toEqual([1, 0, 1, 0, 1, 0]);
      expect(received).toHaveLength(9);
    });

    it('nothing when that is switched off, and leaves it to the tier above', async () => {
      connect({ retry: false });
      answers = [503];
      expect((await failure(client.get('/'))).overloaded).toBeUndefined();
      expect(received).toHaveLength(1);
    });
  });

  describe('marks an error, so that no tier above repeats it,', () => {
    it.each([
      ['a GET', 'get', 503],
      ['a POST, which it would not repeat itself', 'post', 503],
      ['a GET that failed for good', 'get', 500],
    ] as const)('when the tier below has marked it: %s', async (_what, method, status) => {
      answers = [[status, { 'x-envoy-overloaded': 'true' }]];
      expect(await failure(client.request({ url: '/', method }))).toMatchObject({
        response: { status },
        overloaded: true,
      });
      expect(received).toHaveLength(1);
      expect(count('retry')).toBe(0);
    });

    it('when it has repeated the call, though the last failure is for good', async () => {
      answers = [503, 500];
      const call = failure(client.get('/'));
      await passPause(1);
      expect(await call).toMatchObject({ response: { status: 500 }, overloaded: true });
      expect(received).toHaveLength(2);
    });
  });

  describe('ends with deadline_exceeded when the total timeout passes', () => {
    it('in an attempt, exactly then', async () => {
      connect({ totalTimeoutMs: 3_000, attemptTimeoutMs: 3_000 });
      answers = ['never'];
      const startedAt = performance.now();
      let endedAt = 0;
      const call = failure(client.get('/')).finally(() => {
        endedAt = performance.now();
      });
      await arrived(1);
      await jest.advanceTimersByTimeAsync(2_999);
      expect(endedAt).toBe(0);
      await jest.advanceTimersByTimeAsync(1);
      expect(await call).toMatchObject({ code: 'deadline_exceeded', client: 'payments' });
      expect(endedAt - startedAt).toBe(3_000);
      expect(received).toHaveLength(1);
    });

    it('in a later attempt, however often it was repeated', async () => {
      connect({ totalTimeoutMs: 3_000 });
      answers = ['never', 'never'];
      const startedAt = performance.now();
      const call = failure(client.get('/'));
      await arrived(1);
      jest.advanceTimersByTime(2_000);
      await passPause(1);
      await arrived(2);
      jest.advanceTimersByTime(975);
      expect((await call).code).toBe('deadline_exceeded');
      expect(performance.now() - startedAt).toBe(3_000);
      expect(received).toHaveLength(2);
    });

    it('in the queue, without a request', async () => {
      connect({ bulkhead: { maxConcurrent: 1 }, totalTimeoutMs: 2_000 });
      answers = ['never'];
      const calls = ['/1', '/2'].map((path) => failure(client.get(path)));
      await arrived(1);
      jest.advanceTimersByTime(2_000);
      expect(await Promise.all(calls)).toMatchObject([{ code: 'deadline_exceeded' }, { code: 'deadline_exceeded' }]);
      expect(received.map(({ url }) => url)).toEqual(['/1']);
      expect(client.bulkhead).toMatchObject({ inUse: 0, queued: 0 });
    });
  });

  describe('ends with cancelled when the caller’s signal aborts', () => {
    const reason = new Error('the client went away');
    const cancelled = { code: 'cancelled', client: 'payments', cause: reason };
    let caller: AbortController;

    beforeEach(() => {
      caller = new AbortController();
    });
    afterEach(() => expect(getEventListeners(caller.signal, 'abort')).toEqual([]));

    it('before, without a request', async () => {
      caller.abort(reason);
      expect(await failure(client.get('/', { signal: caller.signal }))).toMatchObject(cancelled);
      expect(received).toHaveLength(0);
    });

    it('in an attempt', async () => {
      answers = ['never'];
      const call = failure(client.get('/', { signal: caller.signal }));
      await arrived(1);
      caller.abort(reason);
      expect(await call).toMatchObject(cancelled);
      expect(received).toHaveLength(1);
      expect(count('retry')).toBe(0);
    });

    it('in a pause, which ends at once', async () => {
      answers = [[503, { 'retry-after': '3' }]];
      const call = failure(client.get('/', { signal: caller.signal }));
      await until(() => count('retry') === 1);
      caller.abort(reason);
      expect(await call).toMatchObject(cancelled);
      expect(received).toHaveLength(1);
    });

    it('in the queue, and leaves its place to another', async () => {
      connect({ bulkhead: { maxConcurrent: 1, maxQueued: 1 } });
      answers = ['never'];
      const first = new AbortController();
      const under = failure(client.get('/1', { signal: first.signal }));
      const queued = failure(client.get('/2', { signal: caller.signal }));
      await arrived(1);
      caller.abort(reason);
      expect(await queued).toMatchObject(cancelled);
      const next = client.get('/3');
      first.abort();
      await under;
      expect((await next).status).toBe(200);
      expect(received.map(({ url }) => url)).toEqual(['/1', '/3']);
    });
  });

  describe('ends no later than the request that it works for', () => {
    it('when the time of that is over', async () => {
      answers = ['never'];
      const deadline = new Deadline(300, 'request');
      const call = runWithDeadline(deadline, () => failure(client.get('/')));
      await arrived(1);
      jest.advanceTimersByTime(300);
      expect((await call).code).toBe('deadline_exceeded');
      expect(received[0]?.headers['x-envoy-expected-rq-timeout-ms']).toBe('300');
      expect(getEventListeners(deadline.signal, 'abort')).toEqual([]);
      expect(received).toHaveLength(1);
    });

    it('when nobody waits for that any more', async () => {
      answers = ['never'];
      const deadline = new Deadline(300, 'request');
      const call = runWithDeadline(deadline, () => failure(client.get('/')));
      await arrived(1);
      deadline.cancel();
      expect((await call).code).toBe('cancelled');
      expect(received).toHaveLength(1);
    });

    it('and sends nothing when that is over already, but tells of it', async () => {
      const deadline = new Deadline(300, 'request');
      jest.advanceTimersByTime(300);
      expect((await failure(runWithDeadline(deadline, () => client.get('/')))).code).toBe('deadline_exceeded');
      expect(received).toHaveLength(0);
      expect(events).toEqual([
        { type: 'call', client: 'payments', outcome: 'deadline_exceeded', durationMs: expect.any(Number) },
      ]);
    });
  });

  describe('cuts off a service that keeps failing', () => {
    const circuitBreaker = { minimumThroughput: 4, openMs: 1_000 };

    beforeEach(() => connect({ circuitBreaker, retry: false }));

    async function openIt(): Promise<void> {
      answers = [500, 503, 'reset', 502];
      for (let n = 0; n < 4; n++) await failure(client.post('/'));
    }

    it('and sends nothing more when it is open', async () => {
      await openIt();
      const error = await failure(client.get('/'));
      expect(error).toMatchObject({ code: 'circuit_open', client: 'payments', retryAfterMs: expect.closeTo(950) });
      expect(received).toHaveLength(4);
      expect(count('attempt')).toBe(4);
      expect(events.at(-1)).toMatchObject({ type: 'call', outcome: 'circuit_open' });
    });

    it('and lets it come back through probes', async () => {
      await openIt();
      jest.advanceTimersByTime(951);
      for (let n = 0; n < 3; n++) await client.get('/');
      expect(client.breaker?.state.kind).toBe('closed');
      expect(received).toHaveLength(7);
    });

    it('in the middle of a call: what it would repeat is not sent', async () => {
      connect({ circuitBreaker: { ...circuitBreaker, minimumThroughput: 2 } });
      answers = [503, 503, 200];
      const call = failure(client.get('/'));
      await passPause(1);
      await passPause(2);
      expect((await call).code).toBe('circuit_open');
      expect(received).toHaveLength(2);
    });

    it('but not for faults of the caller’s', async () => {
      for (let n = 0; n < 20; n++) {
        answers = [[400, 404, 409, 422][n % 4] as number];
        await failure(client.get('/'));
      }
      expect(client.breaker).toMatchObject({ state: { kind: 'closed' }, counts: { calls: 0 } });
      expect(received).toHaveLength(20);
    });

    it('but not for attempts that were cancelled or cut by the deadline', async () => {
      for (let n = 1; n <= 10; n++) {
        answers = ['never'];
        const caller = new AbortController();
        const calls =
          n % 2
            ? failure(client.get('/', { signal: caller.signal }))
            : runWithDeadline(new Deadline(1, 'request'), () => failure(client.get('/')));
        await arrived(n);
        if (n % 2) caller.abort();
        else jest.advanceTimersByTime(1);
        await calls;
      }
      expect(client.breaker).toMatchObject({ state: { kind: 'closed' }, counts: { calls: 0 } });
      expect(received).toHaveLength(10);
    });

    it.each([
      ['but not for a 504 from one that was given less time than usual', 300, 0],
      ['for a 504 from one that had all its time', 3_000, 1],
    ])('%s', async (_what, timeLeftMs, calls) => {
      answers = [504];
      const deadline = new Deadline(timeLeftMs, 'request');
      await runWithDeadline(deadline, () => failure(client.get('/')));
      deadline.end();
      expect(client.breaker?.counts).toMatchObject({ calls, failures: calls });
      expect(received).toHaveLength(1);
    });

    it('but not for requests that never left', async () => {
      for (let n = 0; n < 5; n++) await failure(client.get('/../admin'));
      expect(client.breaker).toMatchObject({ state: { kind: 'closed' }, counts: { calls: 0 } });
      expect(received).toHaveLength(0);
    });

    it('for attempts that took too long', async () => {
      for (let n = 1; n <= 4; n++) {
        answers = ['never'];
        const call = failure(client.get('/'));
        await arrived(n);
        jest.advanceTimersByTime(2_000);
        expect((await call).code).toBe('ETIMEDOUT');
      }
      expect(client.breaker?.state.kind).toBe('open');
      expect(received).toHaveLength(4);
    });

    it.each([
      ['for an attempt that was slow when its own total timeout passed', 100, 10_000, 1],
      ['but not for one that had no time to be slow', 500, 10_000, 0],
      ['but not for one that its request cut, however late', 100, 1_999, 0],
    ])('%s', async (_what, queuedMs, requestMs, failures) => {
      connect({
        circuitBreaker,
        retry: false,
        totalTimeoutMs: 2_000,
        attemptTimeoutMs: 2_000,
        bulkhead: { maxConcurrent: 1 },
      });
      answers = ['never', 'never'];
      const caller = new AbortController();
      const deadline = new Deadline(requestMs, 'request');
      const first = failure(client.get('/1', { signal: caller.signal }));
      const second = runWithDeadline(deadline, () => failure(client.get('/2')));
      await arrived(1);
      jest.advanceTimersByTime(queuedMs);
      caller.abort();
      await first;
      await arrived(2);
      jest.advanceTimersByTime(2_000 - queuedMs);
      expect((await second).code).toBe('deadline_exceeded');
      expect(client.breaker?.counts.failures).toBe(failures);
      expect(received).toHaveLength(2);
      deadline.end();
    });

    it('unless that is switched off', async () => {
      connect({ circuitBreaker: false, retry: false });
      for (let n = 0; n < 20; n++) {
        answers = [500];
        await failure(client.get('/'));
      }
      expect(received).toHaveLength(20);
    });
  });

  it('refuses a call when too many are under way and waiting, and sends nothing', async () => {
    connect({ bulkhead: { maxConcurrent: 1, maxQueued: 1 } });
    answers = ['never'];
    const caller = new AbortController();
    const first = failure(client.get('/1', { signal: caller.signal }));
    const second = client.get('/2');
    expect(await failure(client.get('/3'))).toMatchObject({ code: 'bulkhead_full', client: 'payments' });
    expect(events).toMatchObject([{ type: 'call', outcome: 'bulkhead_full' }]);
    await arrived(1);
    caller.abort();
    await Promise.all([first, second]);
    expect(received.map(({ url }) => url)).toEqual(['/1', '/2']);
  });

  it('tells in order what becomes of a call that is repeated', async () => {
    answers = [503, 'reset', 200];
    const call = client.get('/');
    await passPause(1);
    await passPause(2);
    await call;
    const attempt = { type: 'attempt', client: 'payments', method: 'GET', serverAddress: '127.0.0.1' };
    expect(events).toMatchObject([
      { ...attempt, statusCode: 503 },
      { type: 'retry', client: 'payments', reason: '503', delayMs: 25 },
      { ...attempt, errorType: 'ECONNRESET' },
      { type: 'retry', client: 'payments', reason: 'ECONNRESET', delayMs: 50 },
      { ...attempt, statusCode: 200 },
      { type: 'call', client: 'payments', outcome: 'success', durationMs: 75 },
    ]);
    expect(received).toHaveLength(3);
  });

  it('tells once of a call that failed, after all its attempts', async () => {
    answers = [503, 503, 503];
    const call = failure(client.get('/'));
    await passPause(1);
    await passPause(2);
    await call;
    expect(events.slice(-3)).toMatchObject([
      { type: 'attempt', statusCode: 503 },
      { type: 'retry_refused', reason: 'limit' },
      { type: 'call', outcome: 'failure' },
    ]);
    expect(count('call')).toBe(1);
    expect(received).toHaveLength(3);
  });

  it('runs the request interceptors for each attempt', async () => {
    let runs = 0;
    client.interceptors.request.use((config) => {
      config.headers.set('x-run', String(++runs));
      return config;
    });
    answers = [503];
    const call = client.get('/');
    await passPause(1);
    await call;
    expect(received.map(({ headers }) => headers['x-run'])).toEqual(['1', '2']);
  });

  it('ends an attempt in time that waits for a connection', async () => {
    connect({ maxConnections: 1, totalTimeoutMs: 4_000, attemptTimeoutMs: 1_000, retry: false });
    answers = ['never', 'never'];
    const first = failure(client.get('/1'));
    await arrived(1);
    const caller = new AbortController();
    const second = failure(client.get('/2', { signal: caller.signal }));
    await new Promise(setImmediate);
    caller.abort();
    expect((await second).code).toBe('cancelled');
    expect(count('attempt')).toBe(1);
    jest.advanceTimersByTime(1_000);
    expect((await first).code).toBe('ETIMEDOUT');
    expect(received).toHaveLength(1);
  });

  it('ends in time though an interceptor never does, and gives its place in the bulkhead back', async () => {
    connect({ totalTimeoutMs: 500, attemptTimeoutMs: 500, bulkhead: { maxConcurrent: 1 } });
    client.interceptors.request.use(() => new Promise(() => undefined));
    const call = failure(client.get('/'));
    await new Promise(setImmediate);
    jest.advanceTimersByTime(500);
    expect((await call).code).toBe('deadline_exceeded');
    expect(client.bulkhead?.inUse).toBe(0);
  });

  it('runs the response interceptors once, and once more for each repetition, as axios-retry does', async () => {
    const seen: number[] = [];
    client.interceptors.response.use((response) => {
      seen.push(response.status);
      return response;
    });
    await client.get('/');
    expect(seen).toEqual([200]);
    answers = [503];
    const call = client.get('/');
    await passPause(1);
    await call;
    expect(seen).toEqual([200, 200, 200]);
    expect(received).toHaveLength(3);
  });

  it('does so with each of axios’ methods', async () => {
    await client.get('/');
    await client.delete('/');
    await client.head('/');
    await client.options('/');
    await client.post('/', { n: 1 });
    await client.put('/', { n: 1 });
    await client.patch('/', { n: 1 });
    await client.request({ url: '/', method: 'post', data: { n: 1 } });
    await client.request('/', { method: 'put', data: { n: 1 } });
    await client.request('/');
    const methods = ['GET', 'DELETE', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'POST', 'PUT', 'GET'];
    expect(received.map(({ method }) => method)).toEqual(methods);
    expect(events.filter((event) => event.type === 'attempt').map(({ method }) => method)).toEqual(methods);
    expect(count('call')).toBe(methods.length);
    expect(client.breaker?.counts.calls).toBe(methods.length);
  });

  it('gives the defaults that axios has, to be added to', async () => {
    client.defaults.headers.common['x-tenant'] = 'harbour';
    await client.get('/');
    expect(received).toMatchObject([{ headers: { 'x-tenant': 'harbour' } }]);
    expect(client.getUri({ url: '/products' })).toContain('http://127.0.0.1');
  });

  it('leaves no timer and no listener behind when 2,000 calls at once are all cancelled', async () => {
    connect({ bulkhead: { maxConcurrent: 50, maxQueued: 1_950 }, maxConnections: 20 });
    answers = Array.from({ length: 50 }, () => 'never');
    const caller = new AbortController();
    const calls = Array.from({ length: 2_000 }, () => failure(client.get('/', { signal: caller.signal })));
    await arrived(20);
    expect(client.bulkhead).toMatchObject({ inUse: 50, queued: 1_950 });
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(2_000);
    caller.abort();
    for (const { code } of await Promise.all(calls)) expect(code).toBe('cancelled');
    expect(timers.size).toBe(0);
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
    expect(client.bulkhead).toMatchObject({ inUse: 0, queued: 0 });
    expect(received).toHaveLength(20);
    await client.close();
    expect(timers.size).toBe(0);
    connect();
  });
});
