import { z } from 'zod';

const ms = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const day = 86_400_000;

/** The environment variables of idempotent handlers. */
export const idempotencyEnv = (defaults: { ttlMs?: number } = {}) =>
  z
    .object({
      IDEMPOTENCY_TTL_MS: ms(1_000, 90 * day)
        .default(defaults.ttlMs ?? day)
        .describe('How long a key gives its first answer again. No caller may repeat a request later than that.'),
      IDEMPOTENCY_WAIT_MS: ms(1, 60_000)
        .default(2_000)
        .describe('How long a request waits for another one with its key, at most.'),
      IDEMPOTENCY_SWEEP_MS: ms(100, 3_600_000).default(60_000).describe('Pause between two sweeps of expired keys.'),
    })
    .transform((env) => ({
      ttlMs: env.IDEMPOTENCY_TTL_MS,
      waitMs: env.IDEMPOTENCY_WAIT_MS,
      sweepMs: env.IDEMPOTENCY_SWEEP_MS,
    }));

export type IdempotencyOptions = z.output<ReturnType<typeof idempotencyEnv>>;
