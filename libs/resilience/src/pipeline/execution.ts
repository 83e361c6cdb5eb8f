import type { CircuitOutcome, CircuitPermit } from '../circuit-breaker/circuit-breaker.policy.js';
import { isResilienceError, ResilienceError } from '../errors/resilience.error.js';
import { isWorthTelling } from '../retry/retry.rules.js';
import { type TimerHandle, timers } from '../timers/timer-queue.js';
import { Call, outcomeOfFailure } from './call.js';
import type { ExecuteOptions, Pipeline } from './pipeline.policy.js';

/** One attempt, as the work sees it. */
export interface Attempt {
  /** Aborts when the work must end, with a {@link ResilienceError}. */
  readonly signal: AbortSignal;
}

export type Work<T> = (attempt: Attempt) => Promise<T>;

/**
 * A call through a {@link Pipeline}: bulkhead, then attempts, each through the circuit breaker and with a timeout, until one succeeds
 * or the retry rules say no. Every call pays for this, so it is one promise and few objects, not some for each policy, and looks at the
 * clock twice.
 */
export class Execution<T> extends Call {
  private now = this.startedAt;
  private retries = 0;
  private entered = false;
  private attempt: UnderWay | undefined;

  constructor(
    private readonly pipeline: Pipeline,
    private readonly work: Work<T>,
    private readonly options: ExecuteOptions,
    private readonly resolve: (value: T) => void,
    private readonly reject: (error: unknown) => void,
  ) {
    super(pipeline.client, pipeline.settings.totalTimeoutMs, options.signal, pipeline.events);
  }

  start(): void {
    const { bulkhead, retry } = this.pipeline;
    retry?.budget.call();
    if (this.over) this.fail(this.over);
    else if (!bulkhead) this.begin();
    else if (bulkhead.tryEnter()) this.enter();
    else this.after(bulkhead.wait(this.signal), this.enter);
  }

  override stop(error: ResilienceError): void {
    super.stop(error);
    if (this.attempt) this.endAttempt(this.attempt, error);
  }

  private enter(): void {
    this.entered = true;
    this.begin();
  }

  private begin(): void {
    const { breaker, settings } = this.pipeline;
    if (this.now >= this.dueAt) this.expire();
    if (this.over) {
      this.fail(this.over);
      return;
    }
    const attempt = new UnderWay(this.now);
    try {
      attempt.permit = breaker?.acquire();
    } catch (refusal) {
      this.judge(refusal);
      return;
    }
    const dueAt = this.now + settings.attemptTimeoutMs;
    attempt.timer = timers.add(Math.min(dueAt, this.dueAt), () => {
      if (dueAt > this.dueAt) this.expire();
      else this.endAttempt(attempt, new ResilienceError({ code: 'attempt_timeout', client: this.client }));
    });
    this.attempt = attempt;
    this.run(attempt).then(
      (value) => {
        if (this.settle(attempt, 'success')) this.succeed(value);
      },
      (error) => {
        if (this.settle(attempt, 'failure', error)) this.judge(error);
      },
    );
  }

  private run(attempt: Attempt): Promise<T> {
    try {
      return this.work(attempt);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The work may never settle, so it is not waited for. */
  private endAttempt(attempt: UnderWay, error: ResilienceError): void {
    const durationMs = performance.now() - attempt.startedAt;
    this.settle(attempt, this.over ? this.outcomeOfCut(durationMs, this.pipeline.breaker) : 'failure', error);
    this.judge(error);
    attempt.end(error);
  }

  /** False for what comes too late. */
  private settle(attempt: UnderWay, outcome: CircuitOutcome, error?: unknown): boolean {
    if (this.attempt !== attempt) return false;
    this.attempt = undefined;
    this.now = performance.now();
    if (attempt.timer) timers.cancel(attempt.timer);
    const { permit, startedAt } = attempt;
    if (permit !== undefined) this.pipeline.breaker?.record(permit, outcome, this.now - startedAt, this.now, error);
    return true;
  }

  private judge(error: unknown): void {
    const { client, events, retry } = this.pipeline;
    const verdict = retry && !this.over ? retry.judge(this.describe(error)) : undefined;
    if (verdict?.retry) {
      const { delayMs } = verdict;
      events?.emit({ type: 'retry', client, reason: String((error as { code?: unknown }).code ?? 'error'), delayMs });
      this.retries += 1;
      this.after(pause(delayMs, this.signal), this.begin);
      return;
    }
    if (verdict && isWorthTelling(verdict.reason)) {
      events?.emit({ type: 'retry_refused', client, reason: verdict.reason });
    }
    this.fail(error);
  }

  private describe(error: unknown) {
    const { repeatable = false, isTransient } = this.options;
    const { overloaded = false, retryAfterMs } = error as { overloaded?: boolean; retryAfterMs?: number };
    return {
      retries: this.retries,
      transient: isResilienceError(error, 'attempt_timeout') || (isTransient?.(error) ?? false),
      repeatable,
      final: overloaded,
      retryAfterMs,
      timeLeftMs: this.dueAt - this.now,
    };
  }

  private after(waiting: Promise<void>, next: () => void): void {
    waiting.then(
      () => {
        this.now = performance.now();
        next.call(this);
      },
      (error) => this.fail(error),
    );
  }

  private succeed(value: T): void {
    this.leave('success');
    this.resolve(value);
  }

  private fail(error: unknown): void {
    const thrown = this.over ?? error;
    this.leave(outcomeOfFailure(thrown));
    this.reject(thrown);
  }

  private leave(outcome: string): void {
    if (this.entered) this.pipeline.bulkhead?.leave();
    this.end(outcome, this.now);
  }
}

/** An attempt that has not ended. Its signal is made when the work asks for it. */
class UnderWay implements Attempt {
  permit: CircuitPermit | undefined = undefined;
  timer: TimerHandle | undefined = undefined;
  private ending: AbortController | undefined = undefined;
  private over: ResilienceError | undefined = undefined;

  constructor(readonly startedAt: number) {}

  get signal(): AbortSignal {
    this.ending ??= new AbortController();
    if (this.over) this.ending.abort(this.over);
    return this.ending.signal;
  }

  end(error: ResilienceError): void {
    this.over = error;
    this.ending?.abort(error);
  }
}

/** Ends early, with the signal's reason, when the call does. */
function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const end = () => {
      timers.cancel(timer);
      reject(signal.reason);
    };
    const timer = timers.add(performance.now() + delayMs, () => {
      signal.removeEventListener('abort', end);
      resolve();
    });
    signal.addEventListener('abort', end, { once: true });
  });
}
