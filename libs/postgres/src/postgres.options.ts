import { z } from 'zod';

const ms = (max: number) => z.coerce.number().int().min(1).max(max);

/** The environment variables of the database. */
export const postgresEnv = z
  .object({
    DATABASE_URL: z
      .url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// address' })
      .meta({ secret: true })
      .describe('Database of this service alone, such as postgres://user:password@127.0.0.1:5432/orders.'),
    DATABASE_POOL_MAX: z.coerce
      .number()
      .int()
      .min(1)
      .max(1_000)
      .default(10)
      .describe('Connections of one instance, at most.'),
    DATABASE_ACQUIRE_TIMEOUT_MS: ms(60_000)
      .default(2_000)
      .describe('How long a request waits for a connection, a free one or a new one.'),
    DATABASE_STATEMENT_TIMEOUT_MS: ms(600_000)
      .default(5_000)
      .describe('How long one SQL statement may take. In a migration, how long one may wait for a lock.'),
    DATABASE_CIRCUIT_BREAKER_OPEN_MS: ms(3_600_000)
      .default(1_000)
      .describe('How long the database is left alone after too many failures, before one connection looks again.'),
    DATABASE_DATA_DIR: z
      .string()
      .optional()
      .describe(
        'Folder of the data, where the server is one of `pnpm start` on this machine: health watches its disk.',
      ),
  })
  .transform((env) => ({
    url: env.DATABASE_URL,
    poolMax: env.DATABASE_POOL_MAX,
    acquireTimeoutMs: env.DATABASE_ACQUIRE_TIMEOUT_MS,
    statementTimeoutMs: env.DATABASE_STATEMENT_TIMEOUT_MS,
    openMs: env.DATABASE_CIRCUIT_BREAKER_OPEN_MS,
    ...(env.DATABASE_DATA_DIR !== undefined && { dataDir: env.DATABASE_DATA_DIR }),
  }));

export type PostgresOptions = z.output<typeof postgresEnv>;
