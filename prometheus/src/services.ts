import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Objectives } from '@app/telemetry';

/** An app as the stack sees it. Its name is the Prometheus job of its instances. */
export interface Service {
  name: string;
  /** Absent where `apps/<name>/<name>.slo.ts` is: then nothing is promised. */
  objectives?: Objectives;
}

const repository = resolve(import.meta.dirname, '../..');

/** Every app of the repository, so that nobody keeps a list of them. */
export async function loadServices(): Promise<Service[]> {
  const names = readdirSync(join(repository, 'apps')).filter((name) =>
    existsSync(join(repository, 'apps', name, 'package.json')),
  );
  return Promise.all(names.sort().map(async (name) => ({ name, objectives: await loadObjectives(name) })));
}

async function loadObjectives(name: string): Promise<Objectives | undefined> {
  const file = join(repository, 'apps', name, `${name}.slo.ts`);
  if (!existsSync(file)) return undefined;
  const [objectives] = Object.values((await import(file)) as Record<string, Objectives>);
  if (!objectives) throw new Error(`${file} exports no objectives`);
  return objectives;
}
