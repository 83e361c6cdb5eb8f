import { postgresEnv } from '@app/postgres';
import { type ConfigOf, defineConfig, serviceEnv } from '@app/service';

/** Everything that payments reads from the environment. */
export const paymentsConfig = defineConfig('payments', {
  service: serviceEnv({ port: 3002, adminPort: 9002 }),
  postgres: postgresEnv,
});

export type PaymentsConfig = ConfigOf<typeof paymentsConfig>;
