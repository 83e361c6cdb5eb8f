import { CircuitBreakerPolicy } from '@app/resilience';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { circuitHealth } from './circuit.health.js';

describe('the health of a client', () => {
  let breaker: CircuitBreakerPolicy;

  beforeEach(() => {
    jest.useFakeTimers();
    breaker = new CircuitBreakerPolicy('payments', { minimumThroughput: 1, openMs: 1_000, halfOpenProbes: 2 });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const fail = () => breaker.record(breaker.acquire(), 'failure', 1);

  it('is good while its breaker is closed, and unknown without one', () => {
    expect(circuitHealth({ breaker, hasFallback: false })).toEqual({ status: 'ok' });
    expect(circuitHealth({ breaker: undefined, hasFallback: false })).toBeUndefined();
  });

  it('is not judged here where a check of its own does', () => {
    fail();
    expect(circuitHealth({ breaker })).toBeUndefined();
  });

  it.each([
    [true, 'degraded'],
    [false, 'error'],
  ])('while its breaker is open is, with a fallback %s, %s', (hasFallback, status) => {
    fail();
    expect(circuitHealth({ breaker, hasFallback })).toEqual({ status, reason: 'circuit_open' });
    breaker.reset();
    breaker.forceOpen();
    expect(circuitHealth({ breaker, hasFallback })).toEqual({ status, reason: 'circuit_open' });
  });

  it('is degraded while a few calls look whether it works', () => {
    fail();
    jest.advanceTimersByTime(1_000);
    breaker.acquire();
    expect(circuitHealth({ breaker, hasFallback: false })).toEqual({ status: 'degraded', reason: 'circuit_half_open' });
  });

  it('is good again by itself where nobody calls', () => {
    fail();
    jest.advanceTimersByTime(1_000);
    expect(circuitHealth({ breaker, hasFallback: false })).toEqual({ status: 'ok' });
  });
});
