import { Bulkhead } from '../bulkhead/bulkhead.policy.js';
import { CircuitBreaker } from '../circuit-breaker/circuit-breaker.policy.js';
import type { ResilienceEvents } from '../events/resilience.events.js';
import { RetryRules } from '../retry/retry.rules.js';
import { Execution, type Work } from './execution.js';
import { type PipelineOptions, pipelineOptions, type ResolvedPipelineOptions } from './pipeline.options.js';

export interface ExecuteOptions {
  /** Whether the work may be done twice. @default false */
  repeatable?: boolean;
  /**
   * Whether a failure may pass by itself. An error's `retryAfterMs` is honoured, and one that is `overloaded` is final.
   * @default only a timeout of an attempt
   */
  isTransient?(error: unknown): boolean;
  /** Ends the call early. */
  signal?: AbortSignal;
}

const once: ExecuteOptions = {};

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
    readonly events?: ResilienceEvents,
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
  execute<T>(work: Work<T>, options: ExecuteOptions = once): Promise<T> {
    return new Promise((resolve, reject) => new Execution(this, work, options, resolve, reject).start());
  }
}
