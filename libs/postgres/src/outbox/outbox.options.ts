import { z } from 'zod';

const ms = (max: number) => z.coerce.number().int().min(1).max(max);

/** The environment variables of the outbox worker. */
export const outboxEnv = z
  .object({
    OUTBOX_POLL_MS: ms(60_000).default(500).describe('Pause of the outbox worker when there is nothing to deliver.'),
    OUTBOX_BATCH_SIZE: z.coerce
      .number()
      .int()
      .min(1)
      .max(1_000)
      .default(20)
      .describe('Events that the outbox worker delivers at once.'),
    OUTBOX_LEASE_MS: ms(3_600_000)
      .default(30_000)
      .describe('How long a delivery may take; afterwards another worker may take the event up.'),
    OUTBOX_BACKOFF_BASE_MS: ms(60_000)
      .default(500)
      .describe('Longest pause before the second delivery; it doubles each time.'),
    OUTBOX_BACKOFF_MAX_MS: ms(86_400_000).default(300_000).describe('Longest pause before any delivery.'),
    OUTBOX_MAX_SILENCE_MS: ms(86_400_000)
      .default(60_000)
      .describe(
        'Silence after which the worker counts as stuck, and /livez fails. More than OUTBOX_LEASE_MS and OUTBOX_POLL_MS.',
      ),
    OUTBOX_MAX_AGE_MS: ms(86_400_000 * 7)
      .default(300_000)
      .describe('How long an event may be due before health shows the outbox as degraded.'),
  })
  .refine((env) => env.OUTBOX_MAX_SILENCE_MS > Math.max(env.OUTBOX_LEASE_MS, env.OUTBOX_POLL_MS), {
    error: ({ input }) => {
      const { OUTBOX_MAX_SILENCE_MS, OUTBOX_LEASE_MS, OUTBOX_POLL_MS } = input as Record<string, number>;
      return `OUTBOX_MAX_SILENCE_MS (${OUTBOX_MAX_SILENCE_MS}) must exceed OUTBOX_LEASE_MS (${OUTBOX_LEASE_MS}) and OUTBOX_POLL_MS (${OUTBOX_POLL_MS})`;
    },
  })
  .transform((env) => ({
    pollMs: env.OUTBOX_POLL_MS,
    batchSize: env.OUTBOX_BATCH_SIZE,
    leaseMs: env.OUTBOX_LEASE_MS,
    backoffBaseMs: env.OUTBOX_BACKOFF_BASE_MS,
    backoffMaxMs: env.OUTBOX_BACKOFF_MAX_MS,
    maxSilenceMs: env.OUTBOX_MAX_SILENCE_MS,
    maxAgeMs: env.OUTBOX_MAX_AGE_MS,
  }));

export type OutboxOptions = z.output<typeof outboxEnv>;
