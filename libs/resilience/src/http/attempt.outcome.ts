import type { AxiosError } from 'axios';
import type { CircuitOutcome } from '../circuit-breaker/circuit-breaker.policy.js';

const transientStatus: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);
const transientCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_NETWORK',
]);

/** Whether an attempt's failure may pass by itself. */
export function isTransient({ response, code }: AxiosError): boolean {
  return response ? transientStatus.has(response.status) : transientCodes.has(code ?? '');
}

/** What a failed attempt says of the service: nothing, when it was cancelled, never sent, or our own fault. */
export function outcomeOf(error: AxiosError): CircuitOutcome {
  const { response } = error;
  if (response) return response.status >= 500 || transientStatus.has(response.status) ? 'failure' : 'neutral';
  return isTransient(error) || error.code === 'ERR_BAD_RESPONSE' ? 'failure' : 'neutral';
}
