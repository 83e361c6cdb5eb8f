import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SlidingWindow } from './sliding-window.js';

interface Result {
  at: number;
  failed: boolean;
  slow: boolean;
}

const countsOf = ({ calls, failures, slow }: SlidingWindow) => ({ calls, failures, slow });

describe('SlidingWindow', () => {
  it('counts what happened within the window', () => {
    const window = new SlidingWindow(1_000, 0);
    window.add(0, true, false);
    window.add(50, false, true);
    window.add(999, true, true);
    expect(countsOf(window)).toEqual({ calls: 3, failures: 2, slow: 2 });
  });

  it('forgets a tenth of the window at a time', () => {
    const window = new SlidingWindow(1_000, 0);
    window.add(99, true, true);
    window.add(100, true, false);
    window.advance(999);
    expect(countsOf(window)).toEqual({ calls: 2, failures: 2, slow: 1 });
    window.advance(1_000);
    expect(countsOf(window)).toEqual({ calls: 1, failures: 1, slow: 0 });
    window.advance(1_100);
    expect(countsOf(window)).toEqual({ calls: 0, failures: 0, slow: 0 });
  });

  it('is empty after a long silence', () => {
    const window = new SlidingWindow(1_000, 0);
    window.add(500, true, true);
    window.advance(1_000_000_000);
    expect(countsOf(window)).toEqual({ calls: 0, failures: 0, slow: 0 });
  });

  it('counts from nothing after it was cleared', () => {
    const window = new SlidingWindow(1_000, 0);
    window.add(10, true, true);
    window.clear();
    window.add(20, false, false);
    expect(countsOf(window)).toEqual({ calls: 1, failures: 0, slow: 0 });
  });

  it('counts exactly what lies in the current tenth and the nine before it, whatever happened', () => {
    const result = fc.record({
      afterMs: fc.oneof(fc.integer({ min: 0, max: 120 }), fc.integer({ min: 0, max: 3_000 })),
      failed: fc.boolean(),
      slow: fc.boolean(),
    });
    const windowMs = fc.constantFrom(1, 7, 10, 100, 1_000, 30_000);
    fc.assert(
      fc.property(
        windowMs,
        fc.nat(100_000),
        fc.array(result, { maxLength: 100, size: 'max' }),
        (ms, startedAt, results) => {
          const window = new SlidingWindow(ms, startedAt);
          const history: Result[] = [];
          const bucketOf = (at: number) => Math.floor(at / (ms / 10));
          let now = startedAt;
          for (const { afterMs, failed, slow } of results) {
            now += afterMs;
            window.add(now, failed, slow);
            history.push({ at: now, failed, slow });
            const counted = history.filter(({ at }) => bucketOf(at) > bucketOf(now) - 10);
            expect(countsOf(window)).toEqual({
              calls: counted.length,
              failures: counted.filter((each) => each.failed).length,
              slow: counted.filter((each) => each.slow).length,
            });
          }
        },
      ),
    );
  });
});
