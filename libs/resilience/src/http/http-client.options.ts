import { z } from 'zod';
import { bulkheadOptions } from '../bulkhead/bulkhead.options.js';
import { circuitBreakerOptions } from '../circuit-breaker/circuit-breaker.options.js';
import { retryOptions } from '../retry/retry.options.js';

const ms = (max: number) => z.coerce.number().int().min(1).max(max);

/** What a typed client may be told. `baseUrl` is the only option without a default; `false` switches a policy off. */
export const httpClientOptions = z
  .strictObject({
    baseUrl: z
      .url({ protocol: /^https?$/, error: 'must be an http:// or https:// address' })
      .describe('Base address of the service.'),
    totalTimeoutMs: ms(600_000)
      .default(5_000)
      .describe('How long a call may take, with its wait for a place, its attempts and the pauses between them.'),
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
    retry: z.union([z.literal(false), retryOptions]).default(() => retryOptions.parse({})),
    circuitBreaker: z.union([z.literal(false), circuitBreakerOptions]).default(() => circuitBreakerOptions.parse({})),
    bulkhead: z.union([z.literal(false), bulkheadOptions]).default(() => bulkheadOptions.parse({})),
  })
  .refine(({ attemptTimeoutMs, totalTimeoutMs }) => attemptTimeoutMs <= totalTimeoutMs, {
    error: ({ input }) => {
      const { attemptTimeoutMs, totalTimeoutMs } = input as Record<string, number>;
      return `attemptTimeoutMs (${attemptTimeoutMs}) must not exceed totalTimeoutMs (${totalTimeoutMs})`;
    },
  });

export type HttpClientOptions = z.input<typeof httpClientOptions>;
export type ResolvedHttpClientOptions = z.output<typeof httpClientOptions>;
