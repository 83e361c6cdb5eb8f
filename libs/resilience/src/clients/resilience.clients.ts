import type { Bulkhead } from '../bulkhead/bulkhead.policy.js';
import type { CircuitBreaker } from '../circuit-breaker/circuit-breaker.policy.js';
import type { RetryRules } from '../retry/retry.rules.js';

/** What a client shows of itself, whatever it calls. */
export interface ResilienceClient {
  readonly settings?: { baseUrl?: string; totalTimeoutMs?: number; attemptTimeoutMs?: number };
  readonly breaker?: CircuitBreaker;
  readonly bulkhead?: Bulkhead;
  readonly retry?: RetryRules;
  /** Whether its callers can do without an answer, for health. Not said where a check of its own tells how it is. */
  readonly hasFallback?: boolean;
}

/** The clients of a service, by name: what operators look at. Provide it for the whole service; each client's module adds to it. */
export class ResilienceClients extends Map<string, ResilienceClient> {}
