import { cacheEnv } from '@app/cache';
import { httpClientEnv } from '@app/resilience';
import { type ConfigOf, defineConfig, serviceEnv } from '@app/service';
import { z } from 'zod';

const catalogueEnv = z
  .object({
    PRODUCTS_TTL_MS: z.coerce
      .number()
      .int()
      .min(1)
      .default(5_000)
      .describe('How long products are served from the cache.'),
    PRODUCTS_STALE_MS: z.coerce
      .number()
      .int()
      .min(0)
      .default(24 * 60 * 60 * 1_000)
      .describe('How long after that they are still served while orders fails.'),
  })
  .transform((env) => ({ ttlMs: env.PRODUCTS_TTL_MS, staleMs: env.PRODUCTS_STALE_MS }));

/** Everything that storefront reads from the environment. */
export const storefrontConfig = defineConfig('storefront', {
  service: serviceEnv({ port: 3000, adminPort: 9000 }),
  // Longer than orders waits for payments, so that a checkout whose payment hangs still ends as pending.
  orders: httpClientEnv('ORDERS', { baseUrl: 'http://127.0.0.1:3001', attemptTimeoutMs: 4_000 }),
  cache: cacheEnv,
  catalogue: catalogueEnv,
});

export type StorefrontConfig = ConfigOf<typeof storefrontConfig>;
