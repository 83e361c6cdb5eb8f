import { z } from 'zod';

/** How many requests a service takes on at once, and what tells it that these are too many. */
export const loadLimitOptions = z
  .strictObject({
    minLimit: z.coerce
      .number()
      .int()
      .min(1)
      .max(100_000)
      .default(10)
      .describe('Requests in flight that the limit never falls below.'),
    maxLimit: z.coerce
      .number()
      .int()
      .min(1)
      .max(100_000)
      .default(1_000)
      .describe('Requests in flight that the limit never rises above.'),
    latencyMs: z.coerce
      .number()
      .int()
      .min(1)
      .max(600_000)
      .default(1_000)
      .describe(
        'Requests that take longer than this on average, while there are many, tell that they wait for each other.',
      ),
    loopDelayMs: z.coerce
      .number()
      .int()
      .min(1)
      .max(600_000)
      .default(100)
      .describe('An event loop that stays later than this has more to do than it can.'),
  })
  .refine(({ minLimit, maxLimit }) => minLimit <= maxLimit, {
    error: ({ input }) => {
      const { minLimit, maxLimit } = input as Record<string, number>;
      return `minLimit (${minLimit}) must not exceed maxLimit (${maxLimit})`;
    },
  });

export type LoadLimitOptions = z.input<typeof loadLimitOptions>;
export type ResolvedLoadLimitOptions = z.output<typeof loadLimitOptions>;
