import type { CircuitState } from '../circuit-breaker/circuit-breaker.policy.js';
import type { FallbackKind } from '../fallback/fallback.policy.js';
import type { Priority, ShedReason } from '../load-limit/load-limit.policy.js';
import type { RetryRefusal } from '../retry/retry.rules.js';

/** One HTTP request that left the process, whatever came of it. */
export interface AttemptEvent {
  type: 'attempt';
  /** Name of the client, such as `payments`. */
  client: string;
  method: string;
  /** Host and port of the client's base address. */
  serverAddress: string;
  serverPort: number;
  durationMs: number;
  /** Status of the answer, when there was one. */
  statusCode?: number;
  /** Code of the failure, such as `ECONNREFUSED`, when there was no answer. */
  errorType?: string;
}

/** A call has ended, after all its attempts. */
export interface CallEvent {
  type: 'call';
  client: string;
  /** `success`, a {@link ResilienceCode}, or `failure` for what the last attempt failed with. */
  outcome: string;
  durationMs: number;
}

/** A failed attempt is repeated. */
export interface RetryEvent {
  type: 'retry';
  client: string;
  /** What it failed with: a status or the code of an error. */
  reason: string;
  delayMs: number;
}

/** A failed attempt might have been repeated, and is not. */
export interface RetryRefusedEvent {
  type: 'retry_refused';
  client: string;
  reason: RetryRefusal;
}

/** A circuit breaker changed its state. */
export interface TransitionEvent {
  type: 'transition';
  client: string;
  from: CircuitState['kind'];
  to: CircuitState['kind'];
  /** Counts of the window, or of the probes, that led to it. */
  calls: number;
  failures: number;
  slow: number;
  /** What the last of them failed with, the oldest first: a status, the code or class of an error, or `slow`. */
  causes: readonly string[];
}

/** Something stood in for the answer of a call that failed. */
export interface FallbackEvent {
  type: 'fallback';
  client: string;
  kind: FallbackKind;
  /** What the call failed with: a status, or the code or class of an error. */
  reason: string;
  /** Whether no call was made for this one, because a call had failed just before. */
  known: boolean;
}

/** A request was refused, because there are too many. */
export interface ShedEvent {
  type: 'shed';
  priority: Priority;
  reason: ShedReason;
}

/** Requests begin to be refused because there are too many, or have not been for five seconds. */
export interface SheddingEvent {
  type: 'shedding';
  active: boolean;
  /** Requests that may be in flight. */
  limit: number;
  /** How many were refused, when it is over. */
  refusals: number;
}

export type ResilienceEvent =
  | AttemptEvent
  | CallEvent
  | RetryEvent
  | RetryRefusedEvent
  | TransitionEvent
  | FallbackEvent
  | ShedEvent
  | SheddingEvent;

/** The one port through which policies and clients tell what happened. Provide it under this token; without one nobody listens. */
export abstract class ResilienceEvents {
  abstract emit(event: ResilienceEvent): void;
}
