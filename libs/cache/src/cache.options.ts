import { z } from 'zod';

/** The environment variables of the cache. */
export const cacheEnv = z
  .object({
    REDIS_URL: z
      .url({ protocol: /^rediss?$/, error: 'must be a redis:// address' })
      .optional()
      .meta({ secret: true })
      .describe('Redis that instances share as their cache. Without it each instance caches in its own memory.'),
    CACHE_TIMEOUT_MS: z.coerce
      .number()
      .int()
      .min(1)
      .max(60_000)
      .default(200)
      .describe('How long Redis may take for one command; afterwards the value is loaded instead.'),
    CACHE_CIRCUIT_BREAKER_OPEN_MS: z.coerce
      .number()
      .int()
      .min(1)
      .max(3_600_000)
      .default(1_000)
      .describe('How long Redis is left alone after too many failures, before one command looks whether it is back.'),
    CACHE_MAX_ENTRIES: z.coerce
      .number()
      .int()
      .min(1)
      .default(10_000)
      .describe('Entries kept in memory, where there is no Redis.'),
  })
  .transform((env) => ({
    redisUrl: env.REDIS_URL,
    timeoutMs: env.CACHE_TIMEOUT_MS,
    openMs: env.CACHE_CIRCUIT_BREAKER_OPEN_MS,
    maxEntries: env.CACHE_MAX_ENTRIES,
  }));

export type CacheOptions = z.output<typeof cacheEnv>;
