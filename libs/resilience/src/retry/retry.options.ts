import { z } from 'zod';

const ms = (max: number) => z.coerce.number().int().min(1).max(max);

/** How often, and how patiently, a call is repeated. */
export const retryOptions = z.strictObject({
  maxRetries: z.coerce
    .number()
    .int()
    .min(0)
    .max(10)
    .default(2)
    .describe('Repetitions after the first attempt, at most.'),
  baseDelayMs: ms(60_000).default(50).describe('Longest pause before the first repetition; it doubles each time.'),
  maxDelayMs: ms(600_000).default(1_000).describe('Longest pause before any repetition.'),
  maxRetryAfterMs: ms(600_000)
    .default(10_000)
    .describe('A Retry-After beyond this is not waited for: the call fails at once.'),
  budgetRatio: z.coerce.number().min(0).max(1).default(0.1).describe('Repetitions allowed for each call, on average.'),
  budgetPerSecond: z.coerce
    .number()
    .min(0)
    .max(1_000)
    .default(1)
    .describe('Repetitions allowed each second, whatever the calls.'),
});

export type RetryOptions = z.input<typeof retryOptions>;
export type ResolvedRetryOptions = z.output<typeof retryOptions>;
