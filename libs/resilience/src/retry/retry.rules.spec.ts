import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { type FailedAttempt, RetryRules } from './retry.rules.js';

const repeatable: FailedAttempt = { retries: 0, transient: true, repeatable: true, final: false, timeLeftMs: 10_000 };

/** Everything that speaks against a repetition, in the order in which it is asked for. */
const refusals = [
  ['permanent', { transient: false }],
  ['not_repeatable', { repeatable: false }],
  ['final', { final: true }],
  ['limit', { retries: 2 }],
  ['retry_after', { retryAfterMs: 5_001 }],
  ['deadline', { timeLeftMs: 0 }],
] as const satisfies readonly (readonly [string, Partial<FailedAttempt>])[];

describe('RetryRules', () => {
  let rules: RetryRules;

  beforeEach(() => {
    jest.useFakeTimers();
    rules = new RetryRules({ maxRetries: 2, baseDelayMs: 100, maxDelayMs: 150, maxRetryAfterMs: 5_000 });
  });
  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  it('repeats what may pass by itself and may be made twice, for a token of the budget', () => {
    expect(rules.judge(repeatable)).toEqual({ retry: true, delayMs: expect.any(Number) });
    expect(rules.budget.level).toBe(9);
  });

  it.each(refusals)('refuses with %s, and takes no token', (reason, because) => {
    expect(rules.judge({ ...repeatable, ...because })).toEqual({ retry: false, reason });
    expect(rules.budget.level).toBe(10);
  });

  it('refuses with budget when there is none, whatever else would allow it', () => {
    while (rules.budget.take());
    expect(rules.judge(repeatable)).toEqual({ retry: false, reason: 'budget' });
    expect(rules.budget.level).toBe(0);
  });

  it.each(refusals.map(([reason], index) => [reason, refusals.slice(index + 1).map(([other]) => other)]))(
    'says %s though %j speak against it too',
    (reason, others) => {
      while (rules.budget.take());
      const all = refusals.filter(([name]) => name === reason || others.includes(name)).map(([, because]) => because);
      expect(rules.judge(Object.assign({}, repeatable, ...all))).toEqual({ retry: false, reason });
    },
  );

  it('repeats as often as its limit says', () => {
    const verdicts = [0, 1, 2].map((retries) => rules.judge({ ...repeatable, retries }).retry);
    expect(verdicts).toEqual([true, true, false]);
    expect(new RetryRules({ maxRetries: 0 }).judge(repeatable)).toEqual({ retry: false, reason: 'limit' });
  });

  it.each([0, 1, 5_000])('waits as long as the service asked: %i ms', (retryAfterMs) => {
    expect(rules.judge({ ...repeatable, retryAfterMs })).toEqual({ retry: true, delayMs: retryAfterMs });
  });

  it.each([
    ['what it asked for', { retryAfterMs: 1_000, timeLeftMs: 1_000 }],
    ['the pause', { timeLeftMs: 50 }],
  ])('never waits to the end of the time that is left: %s', (_what, because) => {
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
    expect(rules.judge({ ...repeatable, ...because })).toEqual({ retry: false, reason: 'deadline' });
    expect(rules.judge({ ...repeatable, ...because, timeLeftMs: because.timeLeftMs + 1 }).retry).toBe(true);
  });

  it('doubles the longest pause each time, up to its cap', () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
    const patient = new RetryRules({ maxRetries: 4, baseDelayMs: 100, maxDelayMs: 350 });
    const delays = [0, 1, 2, 3].map((retries) => patient.judge({ ...repeatable, retries }));
    expect(delays).toMatchObject([50, 100, 175, 175].map((delayMs) => ({ delayMs })));
  });

  it('pauses for any time from none to the longest, never longer', () => {
    const options = fc.record({
      baseDelayMs: fc.integer({ min: 1, max: 60_000 }),
      maxDelayMs: fc.integer({ min: 1, max: 600_000 }),
    });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(options, fc.integer({ min: 0, max: 9 }), random, (given, retries, jitter) => {
        jest.spyOn(Math, 'random').mockReturnValue(jitter);
        const verdict = new RetryRules({ ...given, maxRetries: 10 }).judge({
          ...repeatable,
          retries,
          timeLeftMs: Infinity,
        });
        const longest = Math.min(given.maxDelayMs, given.baseDelayMs * 2 ** retries);
        expect(verdict).toEqual({ retry: true, delayMs: jitter * longest });
      }),
    );
  });

  it.each([
    ['maxRetries', -1],
    ['maxRetries', 11],
    ['baseDelayMs', 0],
    ['maxDelayMs', 600_001],
    ['maxRetryAfterMs', 0],
    ['budgetRatio', 1.1],
    ['budgetPerSecond', -1],
  ])('refuses %s: %j, by its name', (name, value) => {
    expect(() => new RetryRules({ [name]: value })).toThrow(name);
  });
});
