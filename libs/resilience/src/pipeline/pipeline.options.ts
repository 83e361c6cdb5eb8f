import { z } from 'zod';
import { bulkheadOptions } from '../bulkhead/bulkhead.options.js';
import { circuitBreakerOptions } from '../circuit-breaker/circuit-breaker.options.js';
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

/** An attempt that may take longer than the call never times out: one of the two is a mistake. */
export const attemptWithinTotal = {
  check: ({ attemptTimeoutMs, totalTimeoutMs }: { attemptTimeoutMs: number; totalTimeoutMs: number }) =>
    attemptTimeoutMs <= totalTimeoutMs,
  error: ({ input }: { input?: unknown }) => {
    const { attemptTimeoutMs, totalTimeoutMs } = input as Record<string, number>;
    return `attemptTimeoutMs (${attemptTimeoutMs}) must not exceed totalTimeoutMs (${totalTimeoutMs})`;
  },
};

export const pipelineOptions = z
  .strictObject(pipelineShape)
  .refine(attemptWithinTotal.check, { error: attemptWithinTotal.error });

export type PipelineOptions = z.input<typeof pipelineOptions>;
export type ResolvedPipelineOptions = z.output<typeof pipelineOptions>;
