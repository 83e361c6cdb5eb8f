import { spawnSync } from 'node:child_process';
import { SchematicsException } from '@angular-devkit/schematics';
import { RunSchematicTask } from '@angular-devkit/schematics/tasks/index.js';

const pnpm = ['npx', '--yes', '--prefer-offline', 'pnpm@12'];

/** Once all files are there: installs, formats, and writes anew what is made of the list of apps. Not where nothing is written. */
export function thenFinish(name) {
  return (_tree, context) => {
    context.addTask(new RunSchematicTask('finish', { name }));
  };
}

export function finish({ name }) {
  return (tree) => {
    run('install', [...pnpm, 'install', '--no-frozen-lockfile', '--prefer-offline']);
    run('format', ['node_modules/.bin/biome', 'check', '--write', `apps/${name}`]);
    run('generate', [...pnpm, 'generate']);
    process.stdout.write('\n  npx pnpm@12 start\n  npx pnpm@12 test\n\n');
    return tree;
  };
}

function run(what, [command, ...args]) {
  process.stdout.write(`· ${what}\n`);
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (status === 0) return;
  process.stderr.write(`${stdout}${stderr}`);
  throw new SchematicsException(
    `The files are written, but \`${[command, ...args].join(' ')}\` failed; it says why above. Mend that, then run \`npx pnpm@12 install\`, \`npx pnpm@12 format\` and \`npx pnpm@12 generate\`.`,
  );
}
