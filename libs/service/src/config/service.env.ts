import { discoveryEnv, discoveryOptions } from '@app/discovery';
import { loadLimitOptions } from '@app/resilience';
import { logLevels } from '@app/telemetry';
import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);
const { shape: load } = loadLimitOptions;
const ms = (max: number) => z.coerce.number().int().min(1).max(max);

/** The variables that every service reads. */
export function serviceEnv(defaults: { port: number; adminPort: number }) {
  return z
    .object({
      PORT: port.default(defaults.port).describe('Port of the business API. 0 takes a free one.'),
      ADMIN_PORT: port
        .default(defaults.adminPort)
        .describe('Port of health, metrics and operator controls. 0 takes a free one.'),
      HOST: z.string().default('127.0.0.1').describe('Address that both ports listen on. In a container 0.0.0.0.'),
      ADMIN_TOKEN: z
        .string()
        .min(16)
        .optional()
        .meta({ secret: true })
        .describe('Bearer token of admin writes. Without one only this machine may write.'),
      LOG_LEVEL: z
        .enum(logLevels)
        .default('info')
        .describe(`Least severe level that is logged: ${logLevels.join(', ')}.`),
      LOG_FORMAT: z
        .enum(['json', 'pretty'])
        .optional()
        .describe('json or pretty; pretty on a terminal, json elsewhere.'),
      LOG_REQUESTS_RATIO: z.coerce
        .number()
        .min(0)
        .max(1)
        .default(1)
        .describe(
          'Share of ordinary requests that are logged, 0 to 1. Failed ones and those of a second or more always are.',
        ),
      BODY_LIMIT_BYTES: z.coerce
        .number()
        .int()
        .min(1)
        .default(100 * 1024)
        .describe('Largest request body that is read.'),
      REQUEST_TIMEOUT_MS: ms(600_000).default(10_000).describe('How long a client may take to send a whole request.'),
      REQUEST_DEADLINE_MS: ms(600_000)
        .default(10_000)
        .describe(
          'How long a request may take, from its headers to its answer. Callers that are trusted may ask for less.',
        ),
      KEEP_ALIVE_TIMEOUT_MS: ms(600_000).default(72_000).describe('How long an idle connection is kept open.'),
      LOAD_LIMIT: z
        .stringbool()
        .default(true)
        .describe('Whether requests are refused, with 503 and at once, when there are more than the service can do.'),
      LOAD_LIMIT_MIN: load.minLimit,
      LOAD_LIMIT_MAX: load.maxLimit,
      LOAD_LIMIT_LATENCY_MS: load.latencyMs,
      LOAD_LIMIT_LOOP_DELAY_MS: load.loopDelayMs,
      ...discoveryEnv.shape,
      HEALTH_TIMEOUT_MS: ms(60_000).default(1_000).describe('How long one health check may take.'),
      HEALTH_CACHE_MS: ms(60_000)
        .default(1_000)
        .describe('How long the result of a health check holds, for all who ask. Not less than HEALTH_TIMEOUT_MS.'),
      SHUTDOWN_DELAY_MS: z.coerce
        .number()
        .int()
        .min(0)
        .max(600_000)
        .default(process.env.NODE_ENV === 'production' ? 5_000 : 0)
        .describe(
          'How long a service that stops still serves new requests, until routers have seen that it is not ready. 5000 where NODE_ENV is production.',
        ),
      DRAIN_TIMEOUT_MS: ms(600_000)
        .default(10_000)
        .describe('How long requests in flight, then workers, and then pools, may take to end when the service stops.'),
      FLUSH_TIMEOUT_MS: ms(60_000)
        .default(2_000)
        .describe('How long spans may take to be sent when the service stops.'),
      FAULTS_ENABLED: z
        .stringbool()
        .default(false)
        .describe(
          'Whether faults may be injected on the admin port, for drills. Where NODE_ENV is production only with ADMIN_TOKEN.',
        ),
      API_DOCS: z
        .stringbool()
        .default(process.env.NODE_ENV !== 'production')
        .describe('Whether the API page is served at /docs. Off where NODE_ENV is production.'),
    })
    .refine(({ HEALTH_TIMEOUT_MS, HEALTH_CACHE_MS }) => HEALTH_TIMEOUT_MS <= HEALTH_CACHE_MS, {
      error: ({ input }) => {
        const { HEALTH_TIMEOUT_MS, HEALTH_CACHE_MS } = input as Record<string, number>;
        return `HEALTH_TIMEOUT_MS (${HEALTH_TIMEOUT_MS}) must not exceed HEALTH_CACHE_MS (${HEALTH_CACHE_MS})`;
      },
    })
    .refine(({ LOAD_LIMIT_MIN, LOAD_LIMIT_MAX }) => LOAD_LIMIT_MIN <= LOAD_LIMIT_MAX, {
      error: ({ input }) => {
        const { LOAD_LIMIT_MIN, LOAD_LIMIT_MAX } = input as Record<string, number>;
        return `LOAD_LIMIT_MIN (${LOAD_LIMIT_MIN}) must not exceed LOAD_LIMIT_MAX (${LOAD_LIMIT_MAX})`;
      },
    })
    .refine(
      ({ FAULTS_ENABLED, ADMIN_TOKEN }) => !FAULTS_ENABLED || ADMIN_TOKEN || process.env.NODE_ENV !== 'production',
      'FAULTS_ENABLED needs ADMIN_TOKEN where NODE_ENV is production',
    )
    .transform((env) => ({
      port: env.PORT,
      adminPort: env.ADMIN_PORT,
      host: env.HOST,
      adminToken: env.ADMIN_TOKEN,
      logRequestsRatio: env.LOG_REQUESTS_RATIO,
      bodyLimitBytes: env.BODY_LIMIT_BYTES,
      requestTimeoutMs: env.REQUEST_TIMEOUT_MS,
      requestDeadlineMs: env.REQUEST_DEADLINE_MS,
      keepAliveTimeoutMs: env.KEEP_ALIVE_TIMEOUT_MS,
      loadLimit: env.LOAD_LIMIT && {
        minLimit: env.LOAD_LIMIT_MIN,
        maxLimit: env.LOAD_LIMIT_MAX,
        latencyMs: env.LOAD_LIMIT_LATENCY_MS,
        loopDelayMs: env.LOAD_LIMIT_LOOP_DELAY_MS,
      },
      discovery: discoveryOptions(env),
      health: { timeoutMs: env.HEALTH_TIMEOUT_MS, cacheMs: env.HEALTH_CACHE_MS },
      shutdownDelayMs: env.SHUTDOWN_DELAY_MS,
      drainTimeoutMs: env.DRAIN_TIMEOUT_MS,
      flushTimeoutMs: env.FLUSH_TIMEOUT_MS,
      faultsEnabled: env.FAULTS_ENABLED,
      apiDocs: env.API_DOCS,
    }));
}

export type ServiceConfig = z.output<ReturnType<typeof serviceEnv>>;
