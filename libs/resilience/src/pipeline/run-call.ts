import type { Bulkhead } from '../bulkhead/bulkhead.policy.js';
import { currentDeadline } from '../deadline/deadline.js';
import { isResilienceError, ResilienceError } from '../errors/resilience.error.js';
import type { ResilienceEvents } from '../events/resilience.events.js';
import { timers } from '../timers/timer-queue.js';

export interface CallOptions {
  client: string;
  totalTimeoutMs: number;
  bulkhead?: Bulkhead;
  /** The caller's own wish to end the call. */
  callerSignal?: AbortSignal;
  events?: ResilienceEvents;
}

/** What a call's attempts are told: when they end, and until when they may go on. */
export interface CallScope {
  signal: AbortSignal;
  /** On the clock of `performance.now()`. */
  dueAt: number;
}

/**
 * The outside of every call, HTTP or not: its total timeout, cut to the request's deadline, and the bulkhead. It ends with the one
 * error that says why, whatever the work makes of an abort.
 *
 * @throws ResilienceError `deadline_exceeded`, `cancelled`, `bulkhead_full`, or what `work` threw
 */
export async function runCall<T>(options: CallOptions, work: (scope: CallScope) => Promise<T>): Promise<T> {
  const { client, bulkhead, callerSignal, events } = options;
  const startedAt = performance.now();
  const request = currentDeadline();
  const dueAt = Math.min(startedAt + options.totalTimeoutMs, request?.dueAt ?? Infinity);
  const tell = (outcome: string) =>
    events?.emit({ type: 'call', client, outcome, durationMs: performance.now() - startedAt });
  if (dueAt <= startedAt) {
    tell('deadline_exceeded');
    throw new ResilienceError({ code: 'deadline_exceeded', client });
  }

  const ending = new AbortController();
  const { signal } = ending;
  const timer = timers.add(dueAt, () => ending.abort(new ResilienceError({ code: 'deadline_exceeded', client })));
  const cancel = () => ending.abort(new ResilienceError({ code: 'cancelled', client, cause: callerSignal?.reason }));
  // The request's time is in dueAt already; this is for a client that goes away.
  const abandon = () => ending.abort(request?.signal.reason);
  if (callerSignal?.aborted) cancel();
  if (request?.signal.aborted) abandon();
  callerSignal?.addEventListener('abort', cancel);
  request?.signal.addEventListener('abort', abandon);

  try {
    const value = await (bulkhead ? bulkhead.execute(() => work({ signal, dueAt }), signal) : work({ signal, dueAt }));
    tell('success');
    return value;
  } catch (error) {
    const thrown = signal.aborted ? signal.reason : error;
    tell(isResilienceError(thrown) ? thrown.code : 'failure');
    throw thrown;
  } finally {
    timers.cancel(timer);
    callerSignal?.removeEventListener('abort', cancel);
    request?.signal.removeEventListener('abort', abandon);
  }
}
