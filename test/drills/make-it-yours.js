import { portOffset } from '../port-offset.js';
import { RepositoryCopy } from '../repository.copy.ts';
import { areWatched } from '../watched.js';

const variants = [
  { answers: ['--shop=no', '--service=hello'], services: ['hello'] },
  { answers: ['--shop=yes'], services: ['storefront', 'orders', 'payments'] },
];

/**
 * Copies of this repository become somebody's own, without the shop and with it: no old name is left, both commands of README pass, and what
 * is started is seen.
 */
export async function drill() {
  for (const { answers, services } of variants) {
    const copy = await RepositoryCopy.make();
    try {
      const told = await copy.succeed(
        ...['npx', '--yes', 'pnpm@12', 'make-it-yours', '--name=acme-lines', '--scope=lines', ...answers],
      );
      process.stdout.write(told);
      await copy.succeed('git', 'add', '--all');
      const left = await copy.run('git', 'grep', '--cached', '--ignore-case', '-nE', 'ballast|@app/|make-it-yours');
      if (left.code !== 1) throw new Error(`Old names are left:\n${left.output}`);
      const output = await copy.succeed('npx', '--yes', 'pnpm@12', 'test');
      process.stdout.write(`  ${/^\d+ passed, \d+ failed$/m.exec(output)?.[0]}\n`);
      const env = { PORT_OFFSET: String(portOffset()) };
      const started = await copy.start(env);
      try {
        process.stdout.write(started.output);
        await areWatched(copy, services, env);
      } finally {
        await started.stop();
      }
    } finally {
      await copy.remove();
    }
  }
}
