import { z } from 'zod';
import { isBaseUrl } from '../instances/service.address.js';
import { checkTimeouts, pipelineShape, withSlowCalls } from '../pipeline/pipeline.options.js';

const ms = (max: number) => z.coerce.number().int().min(1).max(max);

/** What a typed client may be told. `baseUrl` is the only option without a default; `false` switches a policy off. */
const httpClientObject = z.strictObject({
  baseUrl: z
    .string()
    .refine(
      isBaseUrl,
      'must be an http:// or https:// address, hosts with commas between them, or a service to look up, such as dns:http://payments:3002',
    )
    .describe('Base address of the service.'),
  ...pipelineShape,
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

/** The options one by one, for the environment. */
export const httpClientShape = httpClientObject.shape;

export const httpClientOptions = httpClientObject.superRefine(checkTimeouts).transform(withSlowCalls);

export type HttpClientOptions = z.input<typeof httpClientOptions>;
export type ResolvedHttpClientOptions = z.output<typeof httpClientOptions>;
