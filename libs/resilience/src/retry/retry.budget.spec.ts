import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { RetryBudget } from './retry.budget.js';

/** How many tokens it gives before it refuses. */
function drain(budget: RetryBudget): number {
  let taken = 0;
  while (budget.take()) taken += 1;
  return taken;
}

describe('RetryBudget', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('starts with ten seconds of allowance, and refuses when it is spent', () => {
    const budget = new RetryBudget(0.1, 1);
    expect(drain(budget)).toBe(10);
    expect(budget.take()).toBe(false);
    expect(budget.level).toBe(0);
  });

  it('earns a token for each ten calls at a ratio of a tenth', () => {
    const budget = new RetryBudget(0.1, 1);
    drain(budget);
    for (let n = 0; n < 9; n++) budget.call();
    expect(budget.take()).toBe(false);
    for (let n = 0; n < 2; n++) budget.call();
    expect(drain(budget)).toBe(1);
  });

  it('earns its allowance with time', () => {
    const budget = new RetryBudget(0, 2);
    drain(budget);
    jest.advanceTimersByTime(499);
    expect(budget.take()).toBe(false);
    jest.advanceTimersByTime(1);
    expect(drain(budget)).toBe(1);
  });

  it('saves up no more than ten seconds of allowance', () => {
    const budget = new RetryBudget(0.1, 1);
    for (let n = 0; n < 10_000; n++) budget.call();
    jest.advanceTimersByTime(3_600_000);
    expect(budget.level).toBe(10);
    expect(drain(budget)).toBe(10);
  });

  it('gives nothing, ever, when it is nothing', () => {
    const budget = new RetryBudget(0, 0);
    for (let n = 0; n < 100; n++) budget.call();
    jest.advanceTimersByTime(3_600_000);
    expect(drain(budget)).toBe(0);
  });

  it('allows a tenth of the calls and one each second in the long run, when every call wants more', () => {
    const budget = new RetryBudget(0.1, 1);
    let retries = 0;
    const [seconds, callsPerSecond] = [600, 50];
    for (let n = 0; n < seconds * callsPerSecond; n++) {
      budget.call();
      retries += drain(budget);
      jest.advanceTimersByTime(1_000 / callsPerSecond);
    }
    const earned = 0.1 * seconds * callsPerSecond + seconds;
    expect(retries).toBeGreaterThanOrEqual(earned - 5);
    expect(retries).toBeLessThanOrEqual(earned + budget.cap);
  });

  it('is never below nothing nor above its cap, and never gives more than came in, whatever happens', () => {
    const command = fc.oneof(
      fc.constant('call' as const),
      fc.constant('take' as const),
      fc.integer({ min: 0, max: 20_000 }),
    );
    const ratio = fc.double({ min: 0, max: 1, noNaN: true });
    const perSecond = fc.double({ min: 0, max: 1_000, noNaN: true });
    fc.assert(
      fc.property(ratio, perSecond, fc.array(command, { maxLength: 200, size: 'max' }), (ofCalls, ofTime, history) => {
        const budget = new RetryBudget(ofCalls, ofTime);
        let earned = budget.level;
        let taken = 0;
        for (const each of history) {
          if (each === 'call') {
            budget.call();
            earned += ofCalls;
          } else if (each === 'take') taken += budget.take() ? 1 : 0;
          else {
            jest.advanceTimersByTime(each);
            earned += (each / 1_000) * ofTime;
          }
          expect(budget.level).toBeGreaterThanOrEqual(0);
          expect(budget.level).toBeLessThanOrEqual(budget.cap);
          expect(taken).toBeLessThanOrEqual(earned + 1e-6);
        }
      }),
    );
  });
});
