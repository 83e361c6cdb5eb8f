import type { ResilienceClient } from '@app/resilience';
import type { HealthResult } from './health-check.decorator.js';

/** What a client's circuit breaker says of the service behind it. One that may let calls through again and that nobody uses says nothing. */
export function circuitHealth({ breaker, hasFallback }: Pick<ResilienceClient, 'breaker' | 'hasFallback'>) {
  // Without a word on a fallback it has a check of its own.
  if (!breaker || hasFallback === undefined) return undefined;
  const { state } = breaker;
  const open = state.kind === 'forced-open' || (state.kind === 'open' && performance.now() < state.until);
  const result: HealthResult = open
    ? { status: hasFallback ? 'degraded' : 'error', reason: 'circuit_open' }
    : state.kind === 'half-open'
      ? { status: 'degraded', reason: 'circuit_half_open' }
      : { status: 'ok' };
  return result;
}
