import { httpClientEnv } from '@app/resilience';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { ConfigError } from './config.error.js';
import { defineConfig, environmentVariables } from './define-config.js';
import { serviceEnv } from './service.env.js';

const databaseEnv = z
  .object({
    DATABASE_URL: z
      .url({ protocol: /^postgres$/ })
      .meta({ secret: true })
      .describe('The database.'),
    POOL_MAX: z.coerce.number().int().min(1).max(100).default(10).describe('Connections.'),
  })
  .transform((env) => ({ url: env.DATABASE_URL, poolMax: env.POOL_MAX }));

const ticketEnv = z
  .object({
    TICKET_MIN: z.coerce.number().default(1).describe('Fewest.'),
    TICKET_MAX: z.coerce.number().default(9).describe('Most.'),
    TICKET_KEY: z.string().min(8).optional().meta({ secret: true }).describe('Key.'),
  })
  .refine((env) => env.TICKET_MIN <= env.TICKET_MAX, 'TICKET_MIN must not be above TICKET_MAX');

const config = defineConfig('orders', { database: databaseEnv, tickets: ticketEnv });
const url = 'postgres://app:s3cret@db/orders';

function problemsOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    config.parse(env);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).problems;
  }
}

describe('defineConfig', () => {
  it('reads each section into its options', () => {
    expect(config.parse({ DATABASE_URL: url, POOL_MAX: '5', HOME: '/root' })).toEqual({
      database: { url, poolMax: 5 },
      tickets: { TICKET_MIN: 1, TICKET_MAX: 9 },
    });
  });

  it('takes an empty variable for one that is not set', () => {
    expect(config.parse({ DATABASE_URL: url, POOL_MAX: '' }).database.poolMax).toBe(10);
    expect(problemsOf({ DATABASE_URL: '' })).toEqual(['DATABASE_URL is required: The database.']);
  });

  it('names all problems of all sections at once', () => {
    expect(problemsOf({ POOL_MAX: '0', TICKET_MAX: 'many' })).toEqual([
      'DATABASE_URL is required: The database.',
      expect.stringMatching(/^POOL_MAX: .* \(got "0"\)$/),
      expect.stringMatching(/^TICKET_MAX: .* \(got "many"\)$/),
    ]);
  });

  it('says what contradicts each other', () => {
    expect(problemsOf({ DATABASE_URL: url, TICKET_MIN: '5', TICKET_MAX: '2' })).toEqual([
      'TICKET_MIN must not be above TICKET_MAX',
    ]);
  });

  it('says which client’s options contradict each other, with both values', () => {
    const clients = defineConfig('orders', {
      payments: httpClientEnv('PAYMENTS', { baseUrl: 'http://payments' }),
      stock: httpClientEnv('STOCK', { baseUrl: 'http://stock' }),
    });
    const env = { PAYMENTS_ATTEMPT_TIMEOUT_MS: '9000', STOCK_CIRCUIT_BREAKER_OPEN_MS: '70000' };
    expect(() => clients.parse(env)).toThrow('PAYMENTS: attemptTimeoutMs (9000) must not exceed totalTimeoutMs (5000)');
    expect(() => clients.parse(env)).toThrow('STOCK: openMs (70000) must not exceed maxOpenMs (60000)');
  });

  it('never repeats a secret', () => {
    const problems = problemsOf({ DATABASE_URL: 'mysql://app:s3cret@db', TICKET_KEY: 's3cret' });
    expect(problems).toEqual([expect.stringMatching(/^DATABASE_URL: /), expect.stringMatching(/^TICKET_KEY: /)]);
    expect(problems.join()).not.toContain('s3cret');
  });

  it('gives something that nobody can change', () => {
    const parsed = config.parse({ DATABASE_URL: url });
    expect(Object.isFrozen(parsed)).toBe(true);
    expect(Object.isFrozen(parsed.database)).toBe(true);
  });

  it('says in one message which service cannot start, and why', () => {
    expect(() => config.parse({ POOL_MAX: '0' })).toThrow(
      /^orders cannot start: its configuration has 2 problems\.\n {2}- DATABASE_URL .*\n {2}- POOL_MAX/,
    );
    expect(() => config.parse({})).toThrow('its configuration has a problem.');
  });

  it('reads the environment of the process where it is given none', () => {
    process.env.DATABASE_URL = url;
    expect(config.parse().database.url).toBe(url);
  });
});

describe('environmentVariables', () => {
  it('lists what a definition reads, with defaults and secrets', () => {
    expect(environmentVariables(config)).toEqual([
      { name: 'DATABASE_URL', description: 'The database.', secret: true },
      { name: 'POOL_MAX', description: 'Connections.', default: '10', secret: false },
      { name: 'TICKET_MIN', description: 'Fewest.', default: '1', secret: false },
      { name: 'TICKET_MAX', description: 'Most.', default: '9', secret: false },
      { name: 'TICKET_KEY', description: 'Key.', default: '', secret: true },
    ]);
  });

  it('describes every variable of a service', () => {
    const variables = environmentVariables(
      defineConfig('any', { service: serviceEnv({ port: 3000, adminPort: 9000 }) }),
    );
    for (const { description } of variables) expect(description).toMatch(/^\S.*\.$/);
    expect(variables.filter(({ secret }) => secret).map(({ name }) => name)).toEqual([
      'ADMIN_TOKEN',
      'DISCOVERY_CONSUL_TOKEN',
      'DISCOVERY_NACOS_TOKEN',
      'DISCOVERY_NACOS_PASSWORD',
    ]);
    expect(variables).toContainEqual(expect.objectContaining({ name: 'PORT', default: '3000' }));
  });
});
