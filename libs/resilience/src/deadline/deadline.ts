import { AsyncLocalStorage } from 'node:async_hooks';
import { ResilienceError } from '../errors/resilience.error.js';
import { type TimerHandle, timers } from '../timers/timer-queue.js';

/**
 * Header that says how many milliseconds the caller still waits.
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-expected-rq-timeout-ms
 */
export const deadlineHeader = 'x-envoy-expected-rq-timeout-ms';

/** What must hear that it has to end. */
export interface Ending {
  stop(error: ResilienceError): void;
}

/** When a request's time is over. It travels with the request through awaits; whatever the request waits for ends with it. */
export class Deadline {
  /** On the clock of `performance.now()`. */
  readonly dueAt: number;
  private readonly timer: TimerHandle;
  /** Made when somebody asks: most requests end long before anybody would be told. */
  private ending?: AbortController;
  private over?: ResilienceError;
  private readonly told = new Set<Ending>();

  /**
   * @param name what has the deadline, as the error says it
   * @param onExceeded called when the time is over, before the work is stopped
   */
  constructor(
    timeoutMs: number,
    readonly name: string,
    onExceeded?: (error: ResilienceError) => void,
  ) {
    this.dueAt = performance.now() + timeoutMs;
    this.timer = timers.add(this.dueAt, () => {
      const error = new ResilienceError({ code: 'deadline_exceeded', client: name });
      onExceeded?.(error);
      this.stop(error);
    });
  }

  /** Never below 0. */
  get timeLeftMs(): number {
    return Math.max(0, this.dueAt - performance.now());
  }

  /** Aborts when the time is over, or when nobody waits any more. Its reason is a {@link ResilienceError}. */
  get signal(): AbortSignal {
    this.ending ??= new AbortController();
    if (this.over) this.ending.abort(this.over);
    return this.ending.signal;
  }

  /** Stops `ending` when the time is over or nobody waits any more, at once if so already. A signal does the same for more time. */
  tell(ending: Ending): void {
    if (this.over) ending.stop(this.over);
    else this.told.add(ending);
  }

  /** Whoever is {@link tell told} of the end and is done lets go with it. */
  forget(ending: Ending): void {
    this.told.delete(ending);
  }

  /** Nobody waits any more: the work is stopped. */
  cancel(): void {
    timers.cancel(this.timer);
    this.stop(new ResilienceError({ code: 'cancelled', client: this.name }));
  }

  /** The work is done: nothing will abort. */
  end(): void {
    timers.cancel(this.timer);
  }

  private stop(error: ResilienceError): void {
    this.over = error;
    this.ending?.abort(error);
    for (const ending of this.told) ending.stop(error);
    this.told.clear();
  }
}

const storage = new AsyncLocalStorage<Deadline>();

/** The deadline of the request that this code runs for, if there is one. */
export function currentDeadline(): Deadline | undefined {
  return storage.getStore();
}

/** Runs `work`, and all that it awaits, under the deadline. */
export function runWithDeadline<T>(deadline: Deadline, work: () => T): T {
  return storage.run(deadline, work);
}
