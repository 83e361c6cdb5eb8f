import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { type ConfigDefinition, environmentVariables } from '@app/service';

/** Every app of the repository, in order. */
export const apps = readdirSync('apps')
  .filter((name) => existsSync(`apps/${name}/package.json`))
  .sort();

export const dockerfile = readFileSync('Dockerfile', 'utf8');

const lastStage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));

/** What the image of every app sets in the environment. */
export const imageEnv = parseEnv(
  [...lastStage.matchAll(/^ENV (.*)$/gm)].flatMap(([, line]) => line?.match(/\w+=("[^"]*"|\S+)/g) ?? []).join('\n'),
) as Record<string, string>;

/** The command of one of its instructions. */
export function imageCommand(instruction: 'CMD' | 'HEALTHCHECK'): string[] {
  return JSON.parse(new RegExp(`^${instruction}.*?(\\[.*?\\])$`, 'ms').exec(dockerfile)?.[1] ?? '[]');
}

/** The variables that an app reads, with their defaults. */
export async function variablesOf(app: string): Promise<Map<string, string | undefined>> {
  const module = (await import(`../apps/${app}/src/${app}.config.ts`)) as Record<string, unknown>;
  const config = Object.values(module).find((value) => (value as ConfigDefinition).sections) as ConfigDefinition;
  return new Map(environmentVariables(config).map((variable) => [variable.name, variable.default]));
}
