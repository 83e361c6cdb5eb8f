import { idempotencyEnv, postgresEnv } from '@app/postgres';
import { type ConfigOf, defineConfig, serviceEnv } from '@app/service';

/** Orders asks again for half a day, and goes on when somebody takes a parked event up again. */
const keyTtlMs = 7 * 86_400_000;

/** Everything that payments reads from the environment. */
export const paymentsConfig = defineConfig('payments', {
  service: serviceEnv({ port: 3002, adminPort: 9002 }),
  postgres: postgresEnv,
  idempotency: idempotencyEnv({ ttlMs: keyTtlMs }),
});

export type PaymentsConfig = ConfigOf<typeof paymentsConfig>;
