import { RetryBudget } from './retry.budget.js';
import { type ResolvedRetryOptions, type RetryOptions, retryOptions } from './retry.options.js';

/** What is known of a failed attempt. */
export interface FailedAttempt {
  /** Repetitions so far. */
  retries: number;
  /** Whether the failure may pass by itself: the network, a timeout, 408, 429, 502, 503, 504. */
  transient: boolean;
  /** Whether the call may be made twice: an idempotent method, or an idempotency key. */
  repeatable: boolean;
  /** A tier below has retried already, or declined to: repeating it here would multiply. */
  final: boolean;
  /** What the service asked for. */
  retryAfterMs?: number;
  /** Time that the call has left. */
  timeLeftMs: number;
}

/** Why an attempt is not repeated, or after how long it is. */
export type RetryVerdict =
  | { readonly retry: true; readonly delayMs: number }
  | { readonly retry: false; readonly reason: RetryRefusal };

export type RetryRefusal = 'permanent' | 'not_repeatable' | 'final' | 'limit' | 'retry_after' | 'deadline' | 'budget';

/** A failure that could not have been repeated anyway is no refusal. */
export function isWorthTelling(reason: RetryRefusal): boolean {
  return reason !== 'permanent' && reason !== 'not_repeatable';
}

/** May a failed attempt be repeated, after how long, and is there budget for it. Both drivers ask here: axios-retry's and the loop's. */
export class RetryRules {
  readonly options: ResolvedRetryOptions;
  readonly budget: RetryBudget;

  /** @throws ZodError naming every option that is out of range */
  constructor(options: RetryOptions = {}) {
    this.options = retryOptions.parse(options);
    this.budget = new RetryBudget(this.options.budgetRatio, this.options.budgetPerSecond);
  }

  /** To be asked once for each failed attempt: a yes has taken its token from the budget. */
  judge(attempt: FailedAttempt): RetryVerdict {
    if (!attempt.transient) return refuse('permanent');
    if (!attempt.repeatable) return refuse('not_repeatable');
    if (attempt.final) return refuse('final');
    if (attempt.retries >= this.options.maxRetries) return refuse('limit');
    if ((attempt.retryAfterMs ?? 0) > this.options.maxRetryAfterMs) return refuse('retry_after');
    const delayMs = attempt.retryAfterMs ?? this.backoffMs(attempt.retries);
    if (delayMs >= attempt.timeLeftMs) return refuse('deadline');
    return this.budget.take() ? { retry: true, delayMs } : refuse('budget');
  }

  /** Exponential, with full jitter. @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
  private backoffMs(retries: number): number {
    const { baseDelayMs, maxDelayMs } = this.options;
    return Math.random() * Math.min(maxDelayMs, baseDelayMs * 2 ** retries);
  }
}

function refuse(reason: RetryRefusal): RetryVerdict {
  return { retry: false, reason };
}
