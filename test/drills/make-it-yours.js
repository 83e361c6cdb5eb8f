import { RepositoryCopy } from '../repository.copy.ts';

const answers = [
  ['--name=acme-lines', '--scope=lines', '--shop=yes'],
  ['--name=acme-lines', '--scope=lines', '--shop=no', '--service=hello'],
];

/** Copies of this repository become somebody's own, with the shop and without: no old name is left, and both commands of README pass. */
export async function drill() {
  for (const arguments_ of answers) {
    const copy = await RepositoryCopy.make();
    try {
      const told = await copy.succeed('npx', '--yes', 'pnpm@12', 'make-it-yours', ...arguments_);
      process.stdout.write(told);
      await copy.succeed('git', 'add', '--all');
      const left = await copy.run('git', 'grep', '--cached', '--ignore-case', '-nE', 'ballast|@app/|make-it-yours');
      if (left.code !== 1) throw new Error(`Old names are left:\n${left.output}`);
      const output = await copy.succeed(process.execPath, 'tools/dev/check.js');
      process.stdout.write(`  ${/^\d+ passed, \d+ failed$/m.exec(output)?.[0]}\n`);
      const started = await copy.start({});
      process.stdout.write(started.output);
      await started.stop();
    } finally {
      await copy.remove();
    }
  }
}
