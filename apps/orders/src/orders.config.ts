import { outboxEnv, postgresEnv } from '@app/postgres';
import { httpClientEnv } from '@app/resilience';
import { type ConfigOf, defineConfig, serviceEnv } from '@app/service';
import { z } from 'zod';

const settlementEnv = z
  .object({
    SETTLE_AFTER_MS: z.coerce
      .number()
      .int()
      .min(1)
      .default(5_000)
      .describe('Age at which the worker takes up an order that is still pending.'),
  })
  .transform((env) => ({ afterMs: env.SETTLE_AFTER_MS }));

/** Everything that orders reads from the environment. */
export const ordersConfig = defineConfig('orders', {
  service: serviceEnv({ port: 3001, adminPort: 9001 }),
  postgres: postgresEnv,
  payments: httpClientEnv('PAYMENTS', {
    baseUrl: 'http://127.0.0.1:3002',
    attemptTimeoutMs: 1_000,
    totalTimeoutMs: 3_000,
  }),
  outbox: outboxEnv,
  settlement: settlementEnv,
});

export type OrdersConfig = ConfigOf<typeof ordersConfig>;
