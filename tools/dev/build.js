import { existsSync, readdirSync } from 'node:fs';
import { run } from './run.js';

/** Every package's build configuration, for one `tsc -b` that builds only what changed. */
export function projects() {
  return ['libs', 'apps']
    .flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}/tsconfig.build.json`))
    .filter((file) => existsSync(file));
}

export function build() {
  return run('tsc', ['-b', ...projects()], { quiet: true });
}
