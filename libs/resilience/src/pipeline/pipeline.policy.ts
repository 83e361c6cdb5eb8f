import { Bulkhead } from '../bulkhead/bulkhead.policy.js';
import { CircuitBreaker } from '../circuit-breaker/circuit-breaker.policy.js';
import { isResilienceError, ResilienceError } from '../errors/resilience.error.js';
import type { ResilienceEvents } from '../events/resilience.events.js';
import { RetryRules } from '../retry/retry.rules.js';
import { retryInLoop } from '../retry/retry-in-loop.js';
import { timers } from '../timers/timer-queue.js';
import { type PipelineOptions, pipelineOptions, type ResolvedPipelineOptions } from './pipeline.options.js';
import { type CallScope, runCall } from './run-call.js';

export interface ExecuteOptions {
  /** Whether the work may be done twice. @default false */
  repeatable?: boolean;
  /** Whether a failure may pass by itself. @default only a timeout of an attempt */
  isTransient?(error: unknown): boolean;
  /** Ends the call early. */
  signal?: AbortSignal;
}

/**
 * All policies around any asynchronous work that is not HTTP, in the same order as around a client's calls: total timeout, bulkhead,
 * retry, circuit breaker, attempt timeout.
 */
export class Pipeline {
  readonly settings: ResolvedPipelineOptions;
  readonly breaker?: CircuitBreaker;
  readonly bulkhead?: Bulkhead;
  readonly retry?: RetryRules;

  /**
   * @param client name of what is called, as metrics and errors show it: `redis`
   * @throws ZodError naming every option that is out of range
   */
  constructor(
    readonly client: string,
    options: PipelineOptions = {},
    private readonly events?: ResilienceEvents,
  ) {
    this.settings = pipelineOptions.parse(options);
    const { bulkhead, circuitBreaker, retry } = this.settings;
    if (bulkhead) this.bulkhead = new Bulkhead(client, bulkhead);
    if (circuitBreaker) this.breaker = new CircuitBreaker(client, circuitBreaker, events);
    if (retry) this.retry = new RetryRules(retry);
  }

  /**
   * Runs `work`, which is told by its signal when it must end, and is not waited for afterwards.
   * @throws ResilienceError, or what the last attempt failed with
   */
  execute<T>(work: (signal: AbortSignal) => Promise<T>, options: ExecuteOptions = {}): Promise<T> {
    const { client, events, bulkhead, retry } = this;
    const call = {
      client,
      totalTimeoutMs: this.settings.totalTimeoutMs,
      bulkhead,
      callerSignal: options.signal,
      events,
    };
    return runCall(call, (scope) => {
      const attempt = () => this.attempt(work, scope);
      if (!retry) return attempt();
      return retryInLoop(
        { client, rules: retry, describe: describeWith(options, scope), signal: scope.signal, events },
        attempt,
      );
    });
  }

  private attempt<T>(work: (signal: AbortSignal) => Promise<T>, { signal }: CallScope): Promise<T> {
    const timed = () => withTimeout(work, this.settings.attemptTimeoutMs, this.client, signal);
    // An attempt that the call itself ended says nothing of what was called.
    return this.breaker ? this.breaker.execute(timed, () => (signal.aborted ? 'neutral' : 'failure')) : timed();
  }
}

function describeWith({ repeatable = false, isTransient }: ExecuteOptions, { signal, dueAt }: CallScope) {
  return (error: unknown) => ({
    transient: !signal.aborted && (isResilienceError(error, 'attempt_timeout') || (isTransient?.(error) ?? false)),
    repeatable,
    final: false,
    timeLeftMs: dueAt - performance.now(),
  });
}

/** Ends with the work, with the call, or when the attempt's time is over, whichever comes first. */
function withTimeout<T>(
  work: (signal: AbortSignal) => Promise<T>,
  timeoutMs: number,
  client: string,
  call: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const ending = new AbortController();
    // The work may never settle, so what it holds is let go here and not when it does.
    const settle = () => {
      timers.cancel(timer);
      call.removeEventListener('abort', onCallEnd);
    };
    const end = (reason: unknown) => {
      settle();
      reject(reason);
      ending.abort(reason);
    };
    const onCallEnd = () => end(call.reason);
    const onTimeout = () => end(new ResilienceError({ code: 'attempt_timeout', client }));
    const timer = timers.add(performance.now() + timeoutMs, onTimeout);
    call.addEventListener('abort', onCallEnd);
    if (call.aborted) return onCallEnd();
    // In an async function, so that one that throws at once is let go too.
    (async () => work(ending.signal))().finally(settle).then(resolve, reject);
  });
}
