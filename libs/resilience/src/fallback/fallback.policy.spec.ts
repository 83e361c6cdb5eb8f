import { describe, expect, it, jest } from '@jest/globals';
import { ResilienceError } from '../errors/resilience.error.js';
import type { ResilienceEvent } from '../events/resilience.events.js';
import { type FallbackOptions, withFallback } from './fallback.policy.js';

function setUp(outcome: () => Promise<string>, more: Partial<FallbackOptions> = {}) {
  const events: ResilienceEvent[] = [];
  const call = jest.fn(outcome);
  const fallback = jest.fn((_error: unknown): string => 'instead');
  const options: FallbackOptions = {
    client: 'rates',
    kind: 'default',
    ...more,
    events: { emit: (e) => events.push(e) },
  };
  return { events, call, fallback, run: () => withFallback(call, fallback, options) };
}

const fail = (error: unknown) => () => Promise.reject(error);

describe('withFallback', () => {
  it('gives what the call gives, and reports nothing', async () => {
    const { run, call, fallback, events } = setUp(async () => 'answer');
    expect(await run()).toBe('answer');
    expect([call.mock.calls.length, fallback.mock.calls.length, events]).toEqual([1, 0, []]);
  });

  it('gives the fallback for a call that failed, and reports which and why', async () => {
    const error = new ResilienceError({ code: 'circuit_open', client: 'rates' });
    const { run, call, fallback, events } = setUp(fail(error), { kind: 'function' });
    expect(await run()).toBe('instead');
    expect([call.mock.calls.length, fallback.mock.calls]).toEqual([1, [[error]]]);
    expect(events).toEqual([
      { type: 'fallback', client: 'rates', kind: 'function', reason: 'circuit_open', known: false },
    ]);
  });

  it.each([
    [Object.assign(new Error(), { status: 503, code: 'ERR_BAD_RESPONSE' }), '503'],
    [Object.assign(new Error(), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    [new TypeError('a message that may hold anything'), 'TypeError'],
    [undefined, 'unknown'],
  ])('names the reason of %p: %s', async (error, reason) => {
    const { run, events } = setUp(fail(error));
    await run();
    expect(events).toEqual([expect.objectContaining({ reason })]);
  });

  it('throws what is an answer', async () => {
    const notFound = new Error('there is no such currency');
    const { run, fallback, events } = setUp(fail(notFound), { isAnswer: (error) => error === notFound });
    await expect(run()).rejects.toBe(notFound);
    expect([fallback.mock.calls.length, events]).toEqual([0, []]);
  });

  it('serves nobody who no longer waits', async () => {
    const cancelled = new ResilienceError({ code: 'cancelled', client: 'rates' });
    const { run, fallback } = setUp(fail(cancelled));
    await expect(run()).rejects.toBe(cancelled);
    expect(fallback).not.toHaveBeenCalled();
  });

  it('reports nothing when the fallback has nothing to give', async () => {
    const { run, fallback, events } = setUp(fail(new Error('away')));
    fallback.mockImplementation((error) => {
      throw error;
    });
    await expect(run()).rejects.toThrow('away');
    expect(events).toEqual([]);
  });
});
