import { describe, expect, it } from '@jest/globals';
import { BalancedInstance } from './balanced.instance.js';
import { Latency } from './latency.js';
import { OutlierDetector } from './outlier.detector.js';

const now = 1_000_000;

function instances(count: number): BalancedInstance[] {
  const endpoint = { host: '10.0.0.1', port: 80 };
  return Array.from({ length: count }, (_, i) => new BalancedInstance(endpoint, 'http', i, new Latency(1, 0, 0), 1, 0));
}

/** Every instance gets so many calls, in turns; `failing` says which of its calls fail. @returns who was judged an outlier, and why */
function judge(
  detector: OutlierDetector,
  all: BalancedInstance[],
  calls: number,
  failing: (i: number, call: number) => boolean,
) {
  const outliers = new Map<number, string>();
  for (let call = 0; call < calls; call += 1) {
    for (const instance of all) {
      const reason = detector.judge(instance, failing(instance.index, call), now);
      if (reason && !outliers.has(instance.index)) outliers.set(instance.index, reason);
    }
  }
  return outliers;
}

describe('an instance is an outlier', () => {
  it('when its calls fail one after the other', () => {
    const outliers = judge(new OutlierDetector(5), instances(3), 5, (index) => index === 1);
    expect(outliers).toEqual(new Map([[1, 'consecutive_failures']]));
  });

  it('when it fails more than the others, even with successes in between', () => {
    const outliers = judge(new OutlierDetector(5), instances(5), 40, (index, call) => index === 2 && call % 2 === 0);
    expect(outliers).toEqual(new Map([[2, 'success_rate']]));
  });

  it('not when all fail alike', () => {
    const outliers = judge(new OutlierDetector(5), instances(5), 500, (index, call) => (index + call) % 2 === 0);
    expect(outliers).toEqual(new Map());
  });

  it('not for what chance explains', () => {
    const outliers = judge(
      new OutlierDetector(5),
      instances(5),
      500,
      (index, call) => (call * 7 + index * 3) % 100 < 2,
    );
    expect(outliers).toEqual(new Map());
  });

  it('not before it has been called often enough', () => {
    const outliers = judge(new OutlierDetector(5), instances(5), 19, (index, call) => index === 2 && call % 2 === 0);
    expect(outliers).toEqual(new Map());
  });

  it('not when nobody else is called', () => {
    const outliers = judge(new OutlierDetector(5), instances(1), 100, (_, call) => call % 2 === 0);
    expect(outliers).toEqual(new Map());
  });

  it('not for what is long ago', () => {
    const detector = new OutlierDetector(50);
    const [one, other] = instances(2) as [BalancedInstance, BalancedInstance];
    for (let call = 0; call < 40; call += 1) {
      detector.judge(other, false, now);
      if (call < 19) detector.judge(one, true, now);
    }
    const later = now + 20_000;
    for (let call = 0; call < 40; call += 1) {
      detector.judge(one, false, later);
      detector.judge(other, false, later);
    }
    expect(detector.judge(one, true, later)).toBeUndefined();
  });
});
