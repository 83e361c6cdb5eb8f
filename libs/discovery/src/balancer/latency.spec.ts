import { describe, expect, it } from '@jest/globals';
import { Latency } from './latency.js';

const decayMs = 1_000;

function latencyAfter(...calls: { at: number; ms: number; trusted?: boolean }[]): Latency {
  const latency = new Latency(decayMs, 0, 0);
  for (const { at, ms, trusted = true } of calls) {
    latency.begin(at - ms);
    latency.end(ms, trusted, at);
  }
  return latency;
}

describe('the latency of an instance', () => {
  it('follows a peak at once', () => {
    expect(latencyAfter({ at: 100, ms: 10 }, { at: 110, ms: 500 }).at(110)).toBe(500);
  });

  it('forgets it slowly', () => {
    const latency = latencyAfter({ at: 0, ms: 500 }, { at: 10, ms: 10 });
    expect(latency.at(10)).toBeGreaterThan(450);
    expect(latency.at(10 + decayMs)).toBeCloseTo(latency.at(10) / Math.E);
  });

  it('comes down to what calls show', () => {
    const calls = Array.from({ length: 200 }, (_, count) => ({ at: (count + 1) * 50, ms: 10 }));
    expect(latencyAfter({ at: 0, ms: 500 }, ...calls).at(10_000)).toBeCloseTo(10, 0);
  });

  it('believes one good answer after a long silence', () => {
    expect(latencyAfter({ at: 0, ms: 500 }, { at: 5 * decayMs, ms: 2 }).at(5 * decayMs)).toBeLessThan(4);
  });

  it('gives no credit for a failure that was quick', () => {
    expect(latencyAfter({ at: 0, ms: 100 }, { at: 1, ms: 1, trusted: false }).at(1)).toBeGreaterThan(99);
    expect(latencyAfter({ at: 0, ms: 100 }, { at: 1, ms: 200, trusted: false }).at(1)).toBe(200);
  });

  it('counts what has been waited for already', () => {
    const latency = new Latency(decayMs, 10, 0);
    latency.begin(0);
    latency.begin(100);
    expect(latency.at(200)).toBe(150);
    latency.end(200, true, 200);
    expect(latency.at(400)).toBe(300);
    latency.end(300, true, 400);
    expect(latency.inFlight).toBe(0);
  });
});
