import { z } from 'zod';

const ms = (max: number) => z.coerce.number().int().min(1).max(max);

/** What a typed client may be told. `baseUrl` is the only option without a default. */
export const httpClientOptions = z.strictObject({
  baseUrl: z
    .url({ protocol: /^https?$/, error: 'must be an http:// or https:// address' })
    .describe('Base address of the service.'),
  attemptTimeoutMs: ms(600_000)
    .default(2_000)
    .describe('How long one request may take, from the wait for a connection to the last byte.'),
  connectTimeoutMs: ms(60_000).default(1_000).describe('How long opening a connection may take.'),
  maxConnections: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(64)
    .describe('Connections kept to the service, at most.'),
  maxRequestBytes: z.coerce
    .number()
    .int()
    .min(1)
    .default(1024 * 1024)
    .describe('Largest request body that is sent.'),
  maxResponseBytes: z.coerce
    .number()
    .int()
    .min(1)
    .default(10 * 1024 * 1024)
    .describe('Largest answer that is read.'),
});

export type HttpClientOptions = z.input<typeof httpClientOptions>;
export type ResolvedHttpClientOptions = z.output<typeof httpClientOptions>;

/**
 * The environment variables of one client, for a service's configuration: `httpClientEnv('PAYMENTS')` reads `PAYMENTS_URL`,
 * `PAYMENTS_ATTEMPT_TIMEOUT_MS` and so on into {@link HttpClientOptions}.
 */
export function httpClientEnv(prefix: string, defaults: { baseUrl?: string; attemptTimeoutMs?: number } = {}) {
  const { baseUrl, attemptTimeoutMs, connectTimeoutMs, maxConnections } = httpClientOptions.shape;
  return z
    .object({
      [`${prefix}_URL`]: withDefault(baseUrl.describe(`Base address of ${prefix.toLowerCase()}.`), defaults.baseUrl),
      [`${prefix}_ATTEMPT_TIMEOUT_MS`]: withDefault(attemptTimeoutMs, defaults.attemptTimeoutMs),
      [`${prefix}_CONNECT_TIMEOUT_MS`]: connectTimeoutMs,
      [`${prefix}_MAX_CONNECTIONS`]: maxConnections,
    })
    .transform((env) =>
      httpClientOptions.parse({
        baseUrl: env[`${prefix}_URL`],
        attemptTimeoutMs: env[`${prefix}_ATTEMPT_TIMEOUT_MS`],
        connectTimeoutMs: env[`${prefix}_CONNECT_TIMEOUT_MS`],
        maxConnections: env[`${prefix}_MAX_CONNECTIONS`],
      }),
    );
}

/** zod's `default` makes a new type that has lost its description. */
function withDefault<T extends z.ZodType>(type: T, value: unknown): z.ZodType {
  return value === undefined ? type : type.default(value as never).describe(type.description ?? '');
}
