import type { Bulkhead } from '../bulkhead/bulkhead.policy.js';
import type { CircuitBreaker, CircuitOutcome } from '../circuit-breaker/circuit-breaker.policy.js';
import { currentDeadline, type Deadline, type Ending } from '../deadline/deadline.js';
import { isResilienceError, ResilienceError } from '../errors/resilience.error.js';
import type { ResilienceEvents } from '../events/resilience.events.js';
import type { Instance } from '../instances/discovery.js';
import { type TimerHandle, timers } from '../timers/timer-queue.js';

/**
 * A call from its entry to its end, HTTP or not: until when it may go on, and why it had to end before. It ends early when its time is
 * over, when its caller wishes so, or with the request that it works for.
 */
export class Call implements Ending {
  /** On the clock of `performance.now()`, as all times here. */
  readonly startedAt: number;
  /** The total timeout, cut to the request's deadline. */
  readonly dueAt: number;
  /** Why it ended before its work did. */
  over: ResilienceError | undefined;
  /** Where its attempt under way, and the one before, were sent to, when there are many instances. */
  instance: Instance | undefined;
  previous: Instance | undefined;

  /** Whether its time is that of the option, not what its request had left. */
  private readonly ownTime: boolean;
  private readonly request: Deadline | undefined;
  private ending: AbortController | undefined;
  private timer: TimerHandle | undefined;
  private giveUp: ((error: ResilienceError) => void) | undefined;

  /** @param callerSignal the caller's own wish to end the call */
  constructor(
    readonly client: string,
    totalTimeoutMs: number,
    private readonly callerSignal: AbortSignal | undefined,
    private readonly events: ResilienceEvents | undefined,
  ) {
    const now = performance.now();
    const request = currentDeadline();
    this.request = request;
    this.startedAt = now;
    const dueAt = now + totalTimeoutMs;
    this.ownTime = !request || dueAt <= request.dueAt;
    this.dueAt = this.ownTime ? dueAt : (request as Deadline).dueAt;
    if (this.dueAt <= now) this.expire();
    request?.tell(this);
    if (callerSignal?.aborted) this.handleEvent();
    callerSignal?.addEventListener('abort', this);
  }

  /** Aborts when the call is over early, with a {@link ResilienceError}. Made when somebody asks, which most calls end without. */
  get signal(): AbortSignal {
    if (!this.ending) {
      this.ending = new AbortController();
      if (this.over) this.ending.abort(this.over);
      else this.timer = timers.add(this.dueAt, () => this.expire());
    }
    return this.ending.signal;
  }

  /** Its time is over. */
  expire(): void {
    this.stop(new ResilienceError({ code: 'deadline_exceeded', client: this.client }));
  }

  stop(error: ResilienceError): void {
    this.over ??= error;
    this.ending?.abort(this.over);
    this.giveUp?.(this.over);
  }

  /** Ends as the work does, or early with the call: what the work waits for may never come, an interceptor's token, say. */
  waitFor<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.giveUp = reject;
      work.then(resolve, reject);
    });
  }

  /** The caller's signal has aborted. */
  handleEvent(): void {
    this.stop(new ResilienceError({ code: 'cancelled', client: this.client, cause: this.callerSignal?.reason }));
  }

  /**
   * What an attempt that the call itself ended says of what was called: nothing, unless its own timeout found it slow already. A service
   * that hangs must not be spared because the total timeout passes first.
   */
  outcomeOfCut(attemptMs: number, breaker: CircuitBreaker | undefined): CircuitOutcome {
    const timedOut = this.ownTime && this.over?.code === 'deadline_exceeded';
    return timedOut && attemptMs >= (breaker?.options.slowCallMs ?? Infinity) ? 'failure' : 'neutral';
  }

  /** Lets go of everything, and tells how the call ended: `success`, or {@link outcomeOfFailure}. */
  end(outcome: string, now = performance.now()): void {
    if (this.timer) timers.cancel(this.timer);
    this.request?.forget(this);
    this.callerSignal?.removeEventListener('abort', this);
    this.events?.emit({ type: 'call', client: this.client, outcome, durationMs: now - this.startedAt });
  }
}

/** How a call that failed is counted. */
export function outcomeOfFailure(error: unknown): string {
  return isResilienceError(error) ? error.code : 'failure';
}

export interface CallOptions {
  client: string;
  totalTimeoutMs: number;
  bulkhead?: Bulkhead | undefined;
  callerSignal?: AbortSignal | undefined;
  events?: ResilienceEvents | undefined;
}

/**
 * The outside of a call by HTTP: its total timeout, cut to the request's deadline, and the bulkhead. It fails with the one error that
 * says why, whatever the work makes of its end.
 *
 * @throws ResilienceError `deadline_exceeded`, `cancelled`, `bulkhead_full`, or what `work` threw
 */
export async function runCall<T>(options: CallOptions, work: (call: Call) => Promise<T>): Promise<T> {
  const { bulkhead } = options;
  const call = new Call(options.client, options.totalTimeoutMs, options.callerSignal, options.events);
  let outcome = 'success';
  try {
    if (call.over) throw call.over;
    const run = () => call.waitFor(work(call));
    return await (bulkhead ? bulkhead.execute(run, call) : run());
  } catch (error) {
    const thrown = call.over ?? error;
    outcome = outcomeOfFailure(thrown);
    throw thrown;
  } finally {
    call.end(outcome);
  }
}
