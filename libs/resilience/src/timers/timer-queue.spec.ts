import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { type TimerHandle, TimerQueue } from './timer-queue.js';

describe('TimerQueue', () => {
  let queue: TimerQueue;
  let fired: number[];

  beforeEach(() => {
    jest.useFakeTimers();
    queue = new TimerQueue();
    fired = [];
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** Adds a timeout that notes when it was due. */
  const add = (inMs: number): TimerHandle => queue.add(performance.now() + inMs, () => fired.push(inMs));

  it.each([[[1, 2, 3, 4, 5]], [[5, 4, 3, 2, 1]], [[3, 1, 5, 2, 4]]])(
    'fires in the order in which they are due when they are added as %j',
    (delays) => {
      for (const delay of delays) add(delay);
      jest.advanceTimersByTime(5);
      expect(fired).toEqual([1, 2, 3, 4, 5]);
      expect(queue.size).toBe(0);
    },
  );

  it('fires each when it is due, not before, and once', () => {
    for (const delay of [10, 20]) add(delay);
    jest.advanceTimersByTime(9);
    expect(fired).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(fired).toEqual([10]);
    jest.advanceTimersByTime(1_000);
    expect(fired).toEqual([10, 20]);
  });

  it('is not early by the fraction of a millisecond', () => {
    add(0.5);
    jest.advanceTimersByTime(0);
    expect(fired).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(fired).toEqual([0.5]);
  });

  it('fires what is due already as soon as it can, and not while it is added', () => {
    add(-5);
    expect(fired).toEqual([]);
    jest.advanceTimersByTime(0);
    expect(fired).toEqual([-5]);
  });

  it('does not fire what was cancelled, whenever it was', () => {
    const handles = [30, 10, 20].map(add);
    queue.cancel(handles[1]!);
    jest.advanceTimersByTime(25);
    queue.cancel(handles[0]!);
    queue.cancel(handles[0]!);
    queue.cancel(handles[2]!);
    jest.advanceTimersByTime(1_000);
    expect(fired).toEqual([20]);
    expect(queue.size).toBe(0);
  });

  it('holds one timer for 10,000 timeouts, and for nothing more than the first of them', () => {
    const handles = Array.from({ length: 10_000 }, (_, index) => add(1 + ((index * 7_919) % 10_000)));
    expect(jest.getTimerCount()).toBe(1);
    expect(queue.size).toBe(10_000);
    for (const handle of handles) queue.cancel(handle);
    expect(queue.size).toBe(0);
    jest.advanceTimersByTime(1);
    expect(jest.getTimerCount()).toBe(0);
    jest.advanceTimersByTime(20_000);
    expect(fired).toEqual([]);
  });

  it('goes by the clock of the day', () => {
    queue.cancel(add(10));
    jest.useRealTimers();
    jest.useFakeTimers();
    add(10_000);
    jest.advanceTimersByTime(10_000);
    expect(fired).toEqual([10_000]);
  });

  it('holds no timer when all have fired', () => {
    for (const delay of [1, 2, 3]) add(delay);
    jest.advanceTimersByTime(3);
    expect(fired).toHaveLength(3);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('fires one in time that is due before all others', () => {
    add(1_000);
    add(10);
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(10);
    expect(fired).toEqual([10]);
    jest.advanceTimersByTime(990);
    expect(fired).toEqual([10, 1_000]);
  });

  it('fires what is added while it fires, in its turn', () => {
    queue.add(10, () => {
      add(5);
      add(0);
      fired.push(-1);
    });
    queue.add(1_000, () => fired.push(1_000));
    jest.advanceTimersByTime(10);
    expect(fired).toEqual([-1, 0]);
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(5);
    expect(fired).toEqual([-1, 0, 5]);
    jest.advanceTimersByTime(1_000);
    expect(fired).toEqual([-1, 0, 5, 1_000]);
  });

  it('does not fire what was cancelled by one that fired at the same time', () => {
    queue.add(10, () => queue.cancel(later));
    const later = queue.add(10.5, () => fired.push(1));
    jest.advanceTimersByTime(20);
    expect(fired).toEqual([]);
    expect(queue.size).toBe(0);
  });

  it('fires the others though one of them throws', () => {
    queue.add(10, () => {
      throw new Error('broken');
    });
    for (const delay of [10.5, 20]) add(delay);
    expect(() => jest.advanceTimersByTime(10)).toThrow('broken');
    jest.advanceTimersByTime(10);
    expect(fired).toEqual([10.5, 20]);
  });

  it('keeps the order of many whichever of them are cancelled', () => {
    const timeouts = fc.array(fc.tuple(fc.integer({ min: 0, max: 1_000 }), fc.boolean()), {
      maxLength: 60,
      size: 'max',
    });
    fc.assert(
      fc.property(timeouts, (all) => {
        fired = [];
        const handles = all.map(([delay]) => add(delay));
        for (const [index, [, gone]] of all.entries()) if (gone) queue.cancel(handles[index]!);
        jest.advanceTimersByTime(1_000);
        const kept = all.filter(([, gone]) => !gone).map(([delay]) => delay);
        expect(fired).toEqual(kept.sort((a, b) => a - b));
      }),
      { numRuns: 300 },
    );
  });

  it('fires as a sorted list would, whatever is added and cancelled', () => {
    const commands = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('add' as const), ms: fc.integer({ min: 0, max: 100 }) }),
        fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(50) }),
        fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 50 }) }),
      ),
      { maxLength: 80, size: 'max' },
    );
    fc.assert(
      fc.property(commands, (history) => {
        const tested = new TimerQueue();
        const seen: number[] = [];
        const model: { dueAt: number; handle: TimerHandle }[] = [];
        const expected: number[] = [];
        for (const command of history) {
          if (command.kind === 'add') {
            const dueAt = performance.now() + command.ms;
            model.push({ dueAt, handle: tested.add(dueAt, () => seen.push(dueAt)) });
          } else if (command.kind === 'cancel') {
            const [gone] = model.splice(command.which, 1);
            if (gone) tested.cancel(gone.handle);
          } else {
            jest.advanceTimersByTime(command.ms);
            model.sort((a, b) => a.dueAt - b.dueAt);
            while (model[0] && model[0].dueAt <= performance.now()) expected.push(model.shift()!.dueAt);
          }
          expect(jest.getTimerCount()).toBeLessThanOrEqual(1);
          expect(tested.size).toBe(model.length);
          expect(seen).toEqual(expected);
        }
        jest.clearAllTimers();
      }),
    );
  });
});
