import { z } from 'zod';
import { ConfigError } from './config.error.js';

/** A part of a configuration: a zod object whose keys are environment variables, mostly transformed to options. */
type Section = z.ZodType<object>;
type Sections = Record<string, Section>;

export interface ConfigDefinition<T = unknown> {
  /** Token under which Nest injects the parsed value. */
  readonly KEY: symbol;
  readonly sections: Sections;
  /**
   * Reads the whole configuration.
   * @throws ConfigError naming every variable that is missing or wrong
   */
  parse(env?: NodeJS.ProcessEnv): T;
}

/** The parsed value of a definition: `ConfigOf<typeof ordersConfig>`. */
export type ConfigOf<D extends ConfigDefinition> = ReturnType<D['parse']>;

/**
 * Says everything that a service reads from the environment, section by section:
 *
 * ```ts
 * export const ordersConfig = defineConfig('orders', { postgres: postgresEnv, payments: httpClientEnv('PAYMENTS') });
 * ```
 */
export function defineConfig<S extends Sections>(
  name: string,
  sections: S,
): ConfigDefinition<{ readonly [K in keyof S]: z.output<S[K]> }> {
  return {
    KEY: Symbol(`${name}.config`),
    sections,
    parse(env = process.env) {
      // An empty variable means "not set", as in a shell or a compose file.
      const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
      const problems: string[] = [];
      const values: Record<string, unknown> = {};
      for (const [key, section] of Object.entries(sections)) {
        const result = section.safeParse(given);
        if (result.success) values[key] = Object.freeze(result.data);
        else problems.push(...result.error.issues.map((issue) => describe(issue, given, section)));
      }
      if (problems.length > 0) throw new ConfigError(name, problems);
      return Object.freeze(values) as { [K in keyof S]: z.output<S[K]> };
    },
  };
}

export interface EnvironmentVariable {
  name: string;
  description: string;
  /** Absent where the variable must be set. `''` where it may be left out and has no default. */
  default?: string;
  secret: boolean;
}

/** The variables of a definition, for documentation. */
export function environmentVariables(definition: ConfigDefinition): EnvironmentVariable[] {
  return Object.values(definition.sections).flatMap((section) =>
    Object.entries(shapeOf(section)).map(([name, type]) => {
      const fallback = type.safeParse(undefined);
      return {
        name,
        description: type.description ?? '',
        ...(fallback.success && { default: fallback.data === undefined ? '' : String(fallback.data) }),
        secret: isSecret(type),
      };
    }),
  );
}

function describe(issue: z.core.$ZodIssue, env: Record<string, string | undefined>, section: Section): string {
  const name = String(issue.path[0] ?? '');
  if (!name) return issue.message;
  const value = env[name];
  if (value === undefined) return `${name} is required: ${shapeOf(section)[name]?.description ?? ''}`;
  const type = shapeOf(section)[name];
  return `${name}: ${issue.message}${type && isSecret(type) ? '' : ` (got ${JSON.stringify(value)})`}`;
}

function shapeOf(section: Section): Record<string, z.ZodType> {
  const object = section instanceof z.ZodPipe ? section.in : section;
  return object instanceof z.ZodObject ? (object.shape as Record<string, z.ZodType>) : {};
}

/** Variables declared with `.meta({ secret: true })` are never repeated in a message. */
function isSecret(type: z.ZodType): boolean {
  return type.meta()?.secret === true;
}
