import { failureReason } from '../errors/failure-reason.js';
import { isResilienceError } from '../errors/resilience.error.js';
import type { ResilienceEvents } from '../events/resilience.events.js';

/** What may stand in for an answer: an older one, a fixed one, or what a function of our own makes. */
export type FallbackKind = 'stale' | 'default' | 'function';

export interface FallbackOptions {
  /** Name of the client whose call it stands in for, such as `orders`. */
  client: string;
  kind: FallbackKind;
  /** Whether an error is an answer, such as a 404: it is thrown as it is. @default never */
  isAnswer?(error: unknown): boolean;
  /** Whether no call is made, because one has failed just before. @default false */
  known?: boolean;
  events?: ResilienceEvents;
}

/**
 * Runs `call` and, where it fails, gives what `fallback` gives, and reports that. A `fallback` that has nothing to give throws: the error
 * that it was handed, if there is no better one.
 */
export async function withFallback<T>(
  call: () => Promise<T>,
  fallback: (error: unknown) => T | Promise<T>,
  { client, kind, isAnswer, known = false, events }: FallbackOptions,
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!mayFallBack(error, isAnswer)) throw error;
    const value = await fallback(error);
    events?.emit({ type: 'fallback', client, kind, reason: failureReason(error), known });
    return value;
  }
}

/** Whether something may stand in for a call that ended with this error: not for an answer, and not where nobody waits any more. */
export function mayFallBack(error: unknown, isAnswer?: (error: unknown) => boolean): boolean {
  return !isResilienceError(error, 'cancelled') && !isAnswer?.(error);
}
