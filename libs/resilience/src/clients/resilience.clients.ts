import type { Bulkhead } from '../bulkhead/bulkhead.policy.js';
import type { CircuitBreaker } from '../circuit-breaker/circuit-breaker.policy.js';
import type { Balancer } from '../instances/discovery.js';
import type { RetryRules } from '../retry/retry.rules.js';

/** What a client shows of itself, whatever it calls. */
export interface ResilienceClient {
  readonly settings?: { baseUrl?: string; totalTimeoutMs?: number; attemptTimeoutMs?: number };
  readonly breaker?: CircuitBreaker;
  readonly bulkhead?: Bulkhead;
  readonly retry?: RetryRules;
  readonly balancer?: Balancer;
  /** Whether its callers can do without an answer, for health. Not said where a check of its own tells how it is. */
  readonly hasFallback?: boolean;
  /** Lets what looks like a failure of the service happen to its calls. */
  readonly injectFaults?: (meet: MeetFault) => void;
}

/**
 * What happens to an attempt instead of its request: it waits, or throws what a transport would, or resolves with the status of an answer.
 * Nothing, where it resolves with nothing. It ends when `signal` aborts.
 */
export type MeetFault = (signal: AbortSignal) => Promise<number | undefined>;

/** The clients of a service, by name: what operators look at. Provide it for the whole service; each client's module adds to it. */
export class ResilienceClients extends Map<string, ResilienceClient> {}
