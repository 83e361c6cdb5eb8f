import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { follow } from './follow.js';
import { failureOf } from './source.failure.js';
import type { Endpoint, Source } from './source.js';

const address = {
  source: 'test',
  scheme: 'http' as const,
  authority: 'payments',
  path: '',
  options: new URLSearchParams(),
};
const one: Endpoint[] = [{ host: '10.0.0.1', port: 80 }];
const two: Endpoint[] = [...one, { host: '10.0.0.2', port: 80 }];

type Step = readonly Endpoint[] | Error | 'end' | 'wait';

describe('following a source', () => {
  const found: (readonly Endpoint[])[] = [];
  const failures: string[] = [];
  const watchedAt: number[] = [];
  let ending: AbortController;

  beforeEach(() => {
    jest.useFakeTimers();
    ending = new AbortController();
    for (const list of [found, failures, watchedAt]) list.length = 0;
  });
  afterEach(() => {
    ending.abort();
    jest.useRealTimers();
  });

  /** A source that does these steps, one watch after the other; the last one is repeated. */
  function start(...watches: Step[][]): Promise<void> {
    const source: Source = {
      check: () => undefined,
      async *watch(_, signal) {
        watchedAt.push(performance.now());
        for (const step of watches[Math.min(watchedAt.length, watches.length) - 1] as Step[]) {
          if (step === 'end') return;
          if (step === 'wait') await once(signal, 'abort');
          else if (step instanceof Error) throw step;
          else yield step;
        }
      },
    };
    const follower = {
      found: (endpoints: readonly Endpoint[]) => found.push(endpoints),
      failed: (error: unknown) => failures.push(failureOf(error)),
    };
    return follow(source, address, { maxPauseMs: 1_000 }, follower, ending.signal);
  }

  it('tells each list', async () => {
    void start([one, two, 'wait']);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(found).toEqual([one, two]);
    expect(failures).toEqual([]);
    expect(watchedAt).toHaveLength(1);
  });

  it('begins anew after a failure', async () => {
    void start([one, Object.assign(new Error('gone'), { code: 'ECONNRESET' })], [two, 'wait']);
    await jest.advanceTimersByTimeAsync(100);
    expect(failures).toEqual(['unreachable']);
    expect(found).toEqual([one, two]);
  });

  it('takes an empty list for a failure', async () => {
    void start([one, [], two], ['wait']);
    await jest.advanceTimersByTimeAsync(100);
    expect(found).toEqual([one]);
    expect(failures).toEqual(['empty']);
  });

  it('takes the end of a watch for a failure', async () => {
    void start([one, 'end'], ['wait']);
    await jest.advanceTimersByTimeAsync(100);
    expect(failures).toEqual(['failed']);
  });

  it('tries ever more rarely while it fails, and never more rarely than it is told', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
    void start([new Error('no')]);
    await jest.advanceTimersByTimeAsync(20_000);
    const pauses = watchedAt.slice(1).map((at, index) => at - (watchedAt[index] as number));
    expect(pauses.slice(0, 6)).toEqual([50, 100, 200, 400, 500, 500]);
    expect(new Set(pauses.slice(4))).toEqual(new Set([500]));
    jest.restoreAllMocks();
  });

  it('tries soon again after a failure that follows a success', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(1);
    void start([new Error('no')], [new Error('no')], [one, new Error('no')], ['wait']);
    await jest.advanceTimersByTimeAsync(20_000);
    expect((watchedAt[3] as number) - (watchedAt[2] as number)).toBe(100);
    jest.restoreAllMocks();
  });

  it('ends with its signal: in a watch, and in a pause', async () => {
    const watching = start([one, 'wait']);
    await jest.advanceTimersByTimeAsync(10);
    ending.abort();
    await watching;
    ending = new AbortController();
    const pausing = start([new Error('no')]);
    await jest.advanceTimersByTimeAsync(0);
    ending.abort();
    await pausing;
    expect(jest.getTimerCount()).toBe(0);
  });
});
