import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Deadline, runWithDeadline } from '../deadline/deadline.js';
import type { ResilienceEvent } from '../events/resilience.events.js';
import { timers } from '../timers/timer-queue.js';
import { Pipeline } from './pipeline.policy.js';

describe('Pipeline', () => {
  const events: ResilienceEvent[] = [];
  const port = { emit: (event: ResilienceEvent) => events.push(event) };
  const hanging = () => new Promise<never>(() => undefined);
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'success',
      (error) => error.code ?? error.message,
    );

  beforeEach(() => {
    events.length = 0;
    jest.useFakeTimers();
  });

  afterEach(() => {
    expect(timers.size).toBe(0);
    jest.useRealTimers();
  });

  it('gives what the work gives', async () => {
    expect(await new Pipeline('redis').execute(async () => 'value')).toBe('value');
  });

  it('ends exactly at its total timeout, and tells the work', async () => {
    let told: AbortSignal | undefined;
    const pipeline = new Pipeline('redis', { totalTimeoutMs: 300, attemptTimeoutMs: 300, retry: false });
    const work = (attempt: { signal: AbortSignal }) => {
      told = attempt.signal;
      return hanging();
    };
    const code = codeOf(pipeline.execute(work));
    await jest.advanceTimersByTimeAsync(299);
    expect(told?.aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(told?.aborted).toBe(true);
    expect(await code).toMatch(/deadline_exceeded|attempt_timeout/);
  });

  it('repeats an attempt that timed out, where the work may run twice', async () => {
    let calls = 0;
    const pipeline = new Pipeline(
      'redis',
      { attemptTimeoutMs: 100, totalTimeoutMs: 1_000, retry: { maxRetries: 2, baseDelayMs: 1 } },
      port,
    );
    const work = () => (++calls < 3 ? hanging() : Promise.resolve('at last'));
    const value = pipeline.execute(work, { repeatable: true });
    await jest.advanceTimersByTimeAsync(210);
    expect([await value, calls]).toEqual(['at last', 3]);
    expect(events.map(({ type }) => type)).toEqual(['retry', 'retry', 'call']);
  });

  it('holds nothing of work that throws before it gives a promise', async () => {
    let calls = 0;
    const work = (): Promise<never> => {
      calls += 1;
      throw new Error('not even begun');
    };
    expect(await codeOf(new Pipeline('redis').execute(work))).toBe('not even begun');
    expect([timers.size, calls]).toEqual([0, 1]);
  });

  it('does not repeat work that it was not allowed to', async () => {
    let calls = 0;
    const counted = () => {
      calls += 1;
      return hanging();
    };
    const pipeline = new Pipeline('redis', { attemptTimeoutMs: 100 });
    const code = codeOf(pipeline.execute(counted));
    await jest.advanceTimersByTimeAsync(100);
    expect([await code, calls]).toEqual(['attempt_timeout', 1]);
  });

  it('opens its breaker, and then calls nothing', async () => {
    let calls = 0;
    const pipeline = new Pipeline('redis', { retry: false, circuitBreaker: { minimumThroughput: 5 } }, port);
    const fail = () => codeOf(pipeline.execute(async () => Promise.reject(new Error(`no ${++calls}`))));
    for (let count = 0; count < 5; count++) await fail();
    expect([await fail(), calls]).toEqual(['circuit_open', 5]);
    expect(events.filter(({ type }) => type === 'transition')).toHaveLength(1);
  });

  it('takes a thousand callers in a hurry for what they are: they open no breaker', async () => {
    const pipeline = new Pipeline('redis', { bulkhead: { maxConcurrent: 2_000 } });
    const codes = Array.from({ length: 1_000 }, () =>
      runWithDeadline(new Deadline(1, 'request'), () => codeOf(pipeline.execute(hanging, { repeatable: true }))),
    );
    await jest.advanceTimersByTimeAsync(1);
    expect(new Set(await Promise.all(codes))).toEqual(new Set(['deadline_exceeded']));
    expect([pipeline.breaker?.state.kind, pipeline.bulkhead?.inUse]).toEqual(['closed', 0]);
  });

  it('does nothing for a request whose time is over', async () => {
    const deadline = new Deadline(5, 'request');
    await jest.advanceTimersByTimeAsync(10);
    let calls = 0;
    const code = runWithDeadline(deadline, () => codeOf(new Pipeline('redis').execute(async () => calls++)));
    expect([await code, calls]).toEqual(['deadline_exceeded', 0]);
  });

  it('leaves the queue of its bulkhead when the deadline passes', async () => {
    let calls = 0;
    const counted = () => {
      calls += 1;
      return hanging();
    };
    const pipeline = new Pipeline('redis', {
      totalTimeoutMs: 50,
      attemptTimeoutMs: 50,
      bulkhead: { maxConcurrent: 1 },
    });
    const codes = [1, 2, 3].map(() => codeOf(pipeline.execute(counted)));
    expect(pipeline.bulkhead?.queued).toBe(2);
    await jest.advanceTimersByTimeAsync(50);
    await Promise.all(codes);
    expect([pipeline.bulkhead?.queued, pipeline.bulkhead?.inUse]).toEqual([0, 0]);
    expect(calls).toBeLessThanOrEqual(2);
  });

  it('blames work that was slow when its own total timeout passed, not when its request ended', async () => {
    const pipeline = new Pipeline('redis', {
      totalTimeoutMs: 100,
      attemptTimeoutMs: 100,
      bulkhead: { maxConcurrent: 1 },
    });
    const failuresAfter = async (queuedMs: number, requestMs: number) => {
      const caller = new AbortController();
      const before = codeOf(pipeline.execute(hanging, { signal: caller.signal }));
      const deadline = new Deadline(requestMs, 'request');
      const code = runWithDeadline(deadline, () => codeOf(pipeline.execute(hanging)));
      await jest.advanceTimersByTimeAsync(queuedMs);
      caller.abort();
      await jest.advanceTimersByTimeAsync(100 - queuedMs);
      deadline.end();
      expect([await before, await code]).toEqual(['cancelled', 'deadline_exceeded']);
      return pipeline.breaker?.counts.failures;
    };
    expect(await failuresAfter(10, 1_000)).toBe(1);
    expect(await failuresAfter(30, 1_000)).toBe(1);
    expect(await failuresAfter(10, 99)).toBe(1);
  });

  it('ends with its caller, whose wish says nothing of what was called', async () => {
    const caller = new AbortController();
    const pipeline = new Pipeline('redis', { retry: false });
    const code = codeOf(pipeline.execute(hanging, { signal: caller.signal }));
    caller.abort();
    expect([await code, pipeline.breaker?.counts.calls]).toEqual(['cancelled', 0]);
  });

  it('refuses options that contradict each other, with both values', () => {
    expect(() => new Pipeline('redis', { attemptTimeoutMs: 9_000, totalTimeoutMs: 5_000 })).toThrow(
      'attemptTimeoutMs (9000) must not exceed totalTimeoutMs (5000)',
    );
  });
});
