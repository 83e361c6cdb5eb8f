import { z } from 'zod';

/** How many calls to one service may be under way, and how many may wait. */
export const bulkheadOptions = z.strictObject({
  maxConcurrent: z.coerce.number().int().min(1).max(100_000).default(64).describe('Calls under way at once, at most.'),
  maxQueued: z.coerce
    .number()
    .int()
    .min(0)
    .max(100_000)
    .default(64)
    .describe('Calls that may wait for a place, at most.'),
});

export type BulkheadOptions = z.input<typeof bulkheadOptions>;
export type ResolvedBulkheadOptions = z.output<typeof bulkheadOptions>;
