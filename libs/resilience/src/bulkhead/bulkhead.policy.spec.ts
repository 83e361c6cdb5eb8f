import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { Bulkhead } from './bulkhead.policy.js';

/** A call that ends when it is told to. */
function call(name = 'call') {
  let end: (value: string) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const ended = new Promise<string>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  return { run: jest.fn(() => ended), end: () => end(name), fail };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('Bulkhead', () => {
  it('runs a call at once while there is a place, and passes on what it returns', async () => {
    const bulkhead = new Bulkhead('payments', { maxConcurrent: 1 });
    const first = call();
    const result = bulkhead.execute(first.run);
    expect(first.run).toHaveBeenCalledTimes(1);
    expect(bulkhead).toMatchObject({ inUse: 1, queued: 0 });
    first.end();
    expect(await result).toBe('call');
    expect(bulkhead).toMatchObject({ inUse: 0, queued: 0 });
  });

  it('gives the place back after a call that failed', async () => {
    const bulkhead = new Bulkhead('payments', { maxConcurrent: 1 });
    const first = call();
    const result = bulkhead.execute(first.run);
    const broken = new Error('broken');
    first.fail(broken);
    await expect(result).rejects.toBe(broken);
    expect(bulkhead.inUse).toBe(0);
    expect(first.run).toHaveBeenCalledTimes(1);
  });

  it('lets calls over the limit wait, and runs them first come, first served', async () => {
    const bulkhead = new Bulkhead('payments', { maxConcurrent: 1, maxQueued: 3 });
    const calls = ['a', 'b', 'c', 'd'].map(call);
    const order: string[] = [];
    const results = calls.map(({ run }) => bulkhead.execute(run).then((name) => order.push(name)));
    for (const [index, each] of calls.entries()) {
      await settled();
      expect(bulkhead).toMatchObject({ inUse: 1, queued: 3 - index });
      expect(calls.map(({ run }) => run.mock.calls.length)).toEqual(calls.map((_, n) => (n <= index ? 1 : 0)));
      each.end();
    }
    await Promise.all(results);
    expect(order).toEqual(['a', 'b', 'c', 'd']);
    expect(bulkhead).toMatchObject({ inUse: 0, queued: 0 });
  });

  it.each([0, 2])('refuses a call when %i wait already, and does not run it', async (maxQueued) => {
    const bulkhead = new Bulkhead('payments', { maxConcurrent: 1, maxQueued });
    const calls = Array.from({ length: 1 + maxQueued }, () => call());
    const results = calls.map(({ run }) => bulkhead.execute(run));
    const refused = call();
    await expect(bulkhead.execute(refused.run)).rejects.toMatchObject({ code: 'bulkhead_full', client: 'payments' });
    expect(refused.run).not.toHaveBeenCalled();
    expect(bulkhead).toMatchObject({ inUse: 1, queued: maxQueued });
    for (const { end } of calls) end();
    await Promise.all(results);
    expect(bulkhead.inUse).toBe(0);
  });

  it('lets a call leave the line when its signal aborts, with the reason, and the next one takes its place', async () => {
    const bulkhead = new Bulkhead('payments', { maxConcurrent: 1, maxQueued: 1 });
    const [first, second, third] = [call(), call(), call()];
    const { signal, abort } = listened();
    const results = [bulkhead.execute(first.run), bulkhead.execute(second.run, { signal })];
    const reason = new Error('too late');
    abort(reason);
    await expect(results[1]).rejects.toBe(reason);
    expect(bulkhead).toMatchObject({ inUse: 1, queued: 0 });
    const next = bulkhead.execute(third.run);
    first.end();
    third.end();
    await Promise.all([results[0], next]);
    expect(second.run).not.toHaveBeenCalled();
    expect(third.run).toHaveBeenCalledTimes(1);
    expect(bulkhead.inUse).toBe(0);
  });

  it('lets no call into the line whose signal is aborted already', async () => {
    const bulkhead = new Bulkhead('payments', { maxConcurrent: 1 });
    const [first, second] = [call(), call()];
    const result = bulkhead.execute(first.run);
    await expect(bulkhead.execute(second.run, { signal: AbortSignal.abort('gone') })).rejects.toBe('gone');
    expect(bulkhead.queued).toBe(0);
    expect(second.run).not.toHaveBeenCalled();
    first.end();
    await result;
  });

  it('does not listen to the signal of a call that has its place', async () => {
    const bulkhead = new Bulkhead('payments', { maxConcurrent: 1 });
    const [first, second] = [call(), call()];
    const { signal, abort, listeners } = listened();
    const results = [bulkhead.execute(first.run), bulkhead.execute(second.run, { signal })];
    expect(listeners()).toBe(1);
    first.end();
    await settled();
    expect(listeners()).toBe(0);
    abort(new Error('too late'));
    expect(bulkhead.inUse).toBe(1);
    second.end();
    await Promise.all(results);
    expect(bulkhead.inUse).toBe(0);
    expect(second.run).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['maxConcurrent', 0],
    ['maxConcurrent', 100_001],
    ['maxQueued', -1],
    ['maxQueued', 1.5],
  ])('refuses %s: %j, by its name', (name, value) => {
    expect(() => new Bulkhead('payments', { [name]: value })).toThrow(name);
  });

  it('is never above its limits, and serves in order, whatever comes and goes', async () => {
    const command = fc.oneof(
      fc.record({ kind: fc.constant('enter' as const) }),
      fc.record({ kind: fc.constant('leave' as const), which: fc.nat(10) }),
      fc.record({ kind: fc.constant('abort' as const), which: fc.nat(10) }),
    );
    const limits = fc.record({ maxConcurrent: fc.integer({ min: 1, max: 4 }), maxQueued: fc.nat(4) });
    await fc.assert(
      fc.asyncProperty(limits, fc.array(command, { maxLength: 60, size: 'max' }), async (options, history) => {
        const bulkhead = new Bulkhead('payments', options);
        const started: number[] = [];
        // What ought to be: who runs and who waits, by number.
        const running: number[] = [];
        const waiting: number[] = [];
        const expected: number[] = [];
        const calls: { end: () => void; abort: () => void; result: Promise<unknown> }[] = [];
        const start = (n: number) => {
          running.push(n);
          expected.push(n);
        };
        for (const each of history) {
          if (each.kind === 'enter') {
            const n = calls.length;
            const { run, end } = call();
            const controller = new AbortController();
            const result = bulkhead
              .execute(() => {
                started.push(n);
                return run();
              }, controller)
              .catch((error: { code?: string; name?: string }) => error.code ?? error);
            calls.push({ end, abort: () => controller.abort('aborted'), result });
            if (running.length < options.maxConcurrent) start(n);
            else if (waiting.length < options.maxQueued) waiting.push(n);
            else expect(await result).toBe('bulkhead_full');
          } else if (each.kind === 'leave' && running.length > 0) {
            const [n] = running.splice(each.which % running.length, 1);
            calls[n!]!.end();
            const next = waiting.shift();
            if (next !== undefined) start(next);
          } else if (each.kind === 'abort' && waiting.length > 0) {
            const [n] = waiting.splice(each.which % waiting.length, 1);
            calls[n!]!.abort();
            expect(await calls[n!]!.result).toBe('aborted');
          }
          await settled();
          expect({ inUse: bulkhead.inUse, queued: bulkhead.queued, started }).toEqual({
            inUse: running.length,
            queued: waiting.length,
            started: expected,
          });
        }
      }),
    );
  });
});

/** A signal that tells how many listen to it. */
function listened() {
  const controller = new AbortController();
  const { signal } = controller;
  const added = jest.spyOn(signal, 'addEventListener');
  const removed = jest.spyOn(signal, 'removeEventListener');
  return {
    signal,
    abort: (reason: Error) => controller.abort(reason),
    listeners: () => added.mock.calls.length - removed.mock.calls.length,
  };
}
