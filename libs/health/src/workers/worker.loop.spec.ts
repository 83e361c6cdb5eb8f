import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { heartbeats } from './heartbeats.js';
import { stopWorkers, WorkerLoop, type WorkerLoopOptions } from './worker.loop.js';

const turn = jest.fn<WorkerLoopOptions['turn']>();
const release = jest.fn<() => Promise<void>>();

function start(): WorkerLoop {
  const loop = new WorkerLoop('spec', { maxSilenceMs: 1_000, pauseMs: 100, turn, release });
  loop.start();
  return loop;
}

const silent = () => heartbeats.states().find(({ name }) => name === 'spec')?.silent;
const never = new AbortController().signal;

describe('a worker loop', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    turn.mockReset().mockResolvedValue(false);
    release.mockReset().mockResolvedValue();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('takes the next turn at once while there is more to do, and pauses after that', async () => {
    turn.mockResolvedValueOnce(true).mockResolvedValueOnce(true);
    const loop = start();
    await jest.advanceTimersByTimeAsync(99);
    expect(turn).toHaveBeenCalledTimes(3);
    await jest.advanceTimersByTimeAsync(1);
    expect(turn).toHaveBeenCalledTimes(4);
    expect(await loop.stop()).toBe(true);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(turn).toHaveBeenCalledTimes(4);
  });

  it('is alive while its turns fail', async () => {
    turn.mockRejectedValue(new Error('the database is away'));
    const loop = start();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(turn.mock.calls.length).toBeGreaterThan(90);
    expect(silent()).toBe(false);
    await loop.stop();
  });

  it('is missed when a turn hangs, unless it beats', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    turn.mockReturnValueOnce(promise);
    const loop = start();
    await jest.advanceTimersByTimeAsync(900);
    loop.beat();
    await jest.advanceTimersByTimeAsync(900);
    expect(silent()).toBe(false);
    await jest.advanceTimersByTimeAsync(101);
    expect(silent()).toBe(true);
    resolve(false);
    await loop.stop();
    expect(silent()).toBeUndefined();
  });

  it('is waited for when the process stops', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    turn.mockReturnValueOnce(promise);
    start();
    const stopped = stopWorkers(never);
    resolve(false);
    expect(await stopped).toEqual([]);
    expect([turn.mock.calls.length, release.mock.calls.length]).toEqual([1, 0]);
  });

  it('hands back what it has begun when nobody can wait any longer, whoever stops it then', async () => {
    turn.mockReturnValueOnce(new Promise(() => undefined));
    const loop = start();
    const bound = new AbortController();
    const stopped = stopWorkers(bound.signal);
    bound.abort();
    expect(await stopped).toEqual(['spec']);
    expect(await loop.stop()).toBe(false);
    expect(release).toHaveBeenCalledTimes(1);
  });
});
