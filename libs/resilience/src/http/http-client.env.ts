import { z } from 'zod';
import { bulkheadOptions } from '../bulkhead/bulkhead.options.js';
import { circuitBreakerOptions } from '../circuit-breaker/circuit-breaker.options.js';
import { retryOptions } from '../retry/retry.options.js';
import {
  type HttpClientOptions,
  httpClientOptions,
  httpClientShape,
  type ResolvedHttpClientOptions,
} from './http-client.options.js';

/** The policies and the switch that turns each off. */
const policies = { retry: retryOptions, circuitBreaker: circuitBreakerOptions, bulkhead: bulkheadOptions };

/**
 * The environment variables of one client, for a service's configuration. `httpClientEnv('PAYMENTS')` reads `PAYMENTS_URL` and every
 * other option under its own name: `PAYMENTS_TOTAL_TIMEOUT_MS`, `PAYMENTS_RETRY_MAX_RETRIES`, and `PAYMENTS_RETRY=false` for none.
 */
export function httpClientEnv(prefix: string, defaults: Partial<HttpClientOptions> = {}) {
  const { baseUrl, retry, circuitBreaker, bulkhead, ...plain } = httpClientShape;
  const fields: Field[] = [
    field(`${prefix}_URL`, ['baseUrl'], baseUrl.describe(`Base address of ${prefix.toLowerCase()}.`), defaults.baseUrl),
    ...Object.entries(plain).map(([name, type]) =>
      field(`${prefix}_${snake(name)}`, [name], type, defaults[name as keyof HttpClientOptions]),
    ),
    ...Object.entries(policies).flatMap(([policy, options]) =>
      policyFields(prefix, policy, options, defaults[policy as keyof typeof policies]),
    ),
  ];
  return z
    .object(Object.fromEntries(fields.map(({ variable, type }) => [variable, type])))
    .transform((env, context): ResolvedHttpClientOptions => {
      const result = httpClientOptions.safeParse(nest(fields, env));
      if (result.success) return result.data;
      for (const issue of result.error.issues) {
        context.addIssue({ code: 'custom', message: `${prefix}: ${issue.message}` });
      }
      return z.NEVER;
    });
}

interface Field {
  variable: string;
  path: string[];
  type: z.ZodType;
}

function policyFields(prefix: string, policy: string, options: { shape: object }, defaults?: false | object): Field[] {
  const values = { ...defaults } as Record<string, unknown>;
  const on = z
    .stringbool()
    .default(defaults !== false)
    .describe(
      `Whether ${prefix.toLowerCase()} is called with this policy: ${snake(policy).toLowerCase().replace('_', ' ')}.`,
    );
  return [
    { variable: `${prefix}_${snake(policy)}`, path: [policy, 'on'], type: on },
    ...Object.entries(options.shape as Record<string, z.ZodType>).map(([name, type]) =>
      field(`${prefix}_${snake(policy)}_${snake(name)}`, [policy, name], type, values[name]),
    ),
  ];
}

/** zod's `default` makes a new type that has lost its description. */
function field(variable: string, path: string[], type: z.ZodType, value?: unknown): Field {
  return {
    variable,
    path,
    type: value === undefined ? type : type.default(value as never).describe(type.description ?? ''),
  };
}

function nest(fields: Field[], env: Record<string, unknown>): Record<string, unknown> {
  const options: Record<string, Record<string, unknown> | unknown> = {};
  for (const { variable, path } of fields) {
    const [outer = '', inner] = path;
    if (!inner) options[outer] = env[variable];
    else options[outer] = { ...(options[outer] as object | undefined), [inner]: env[variable] };
  }
  for (const policy of Object.keys(policies)) {
    const { on, ...values } = options[policy] as Record<string, unknown>;
    options[policy] = on ? values : false;
  }
  return options;
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
