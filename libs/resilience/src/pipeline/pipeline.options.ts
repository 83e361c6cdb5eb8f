import { z } from 'zod';
import { bulkheadOptions } from '../bulkhead/bulkhead.options.js';
import {
  circuitBreakerOptions,
  type ResolvedCircuitBreakerOptions,
} from '../circuit-breaker/circuit-breaker.options.js';
import { retryOptions } from '../retry/retry.options.js';

const ms = (max: number) => z.coerce.number().int().min(1).max(max);

/** What every call has, HTTP or not. `false` switches a policy off. */
export const pipelineShape = {
  totalTimeoutMs: ms(600_000)
    .default(5_000)
    .describe('How long a call may take, with its wait for a place, its attempts and the pauses between them.'),
  attemptTimeoutMs: ms(600_000)
    .default(2_000)
    .describe('How long one attempt may take, to the last byte of its answer.'),
  retry: z.union([z.literal(false), retryOptions]).default(() => retryOptions.parse({})),
  circuitBreaker: z.union([z.literal(false), circuitBreakerOptions]).default(() => circuitBreakerOptions.parse({})),
  bulkhead: z.union([z.literal(false), bulkheadOptions]).default(() => bulkheadOptions.parse({})),
};

interface Timeouts {
  totalTimeoutMs: number;
  attemptTimeoutMs: number;
  circuitBreaker: false | ResolvedCircuitBreakerOptions;
}

/** An attempt that may take longer than the call never times out, and a call that times out before it is slow never is: mistakes. */
export function checkTimeouts(options: Timeouts, context: z.RefinementCtx): void {
  const { totalTimeoutMs, attemptTimeoutMs, circuitBreaker } = options;
  const { slowCallMs = 0 } = circuitBreaker || {};
  const contradictions = [
    attemptTimeoutMs > totalTimeoutMs &&
      `attemptTimeoutMs (${attemptTimeoutMs}) must not exceed totalTimeoutMs (${totalTimeoutMs})`,
    slowCallMs > attemptTimeoutMs &&
      `slowCallMs (${slowCallMs}) must not exceed attemptTimeoutMs (${attemptTimeoutMs})`,
  ];
  for (const message of contradictions) if (message) context.addIssue({ code: 'custom', message });
}

/** Slow is what nearly timed out. */
const slowCallShare = 0.8;

export function withSlowCalls<T extends Timeouts>(options: T): T {
  const { attemptTimeoutMs, circuitBreaker } = options;
  if (!circuitBreaker) return options;
  const slowCallMs = circuitBreaker.slowCallMs ?? Math.ceil(attemptTimeoutMs * slowCallShare);
  return { ...options, circuitBreaker: { ...circuitBreaker, slowCallMs } };
}

export const pipelineOptions = z.strictObject(pipelineShape).superRefine(checkTimeouts).transform(withSlowCalls);

export type PipelineOptions = z.input<typeof pipelineOptions>;
export type ResolvedPipelineOptions = z.output<typeof pipelineOptions>;
