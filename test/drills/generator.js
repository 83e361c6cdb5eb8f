import { RepositoryCopy } from '../repository.copy.ts';

/** Every answer at least once, chains of calls, and names that lines have to be broken for. */
const services = [
  ['one'],
  ['two', '--database'],
  ['three', '--database', '--worker', '--cache'],
  ['four', '--worker'],
  ['five', '--cache', '--calls=one'],
  ['six', '--database', '--calls=five'],
  ['seven', '--cache'],
  ['gift-cards', '--cache', '--database', '--worker', '--calls=three'],
  ['a-name-that-is-as-long-as-a-name-may-be', '--worker', '--calls=gift-cards'],
  ['ten', '--database', '--cache'],
];

/** Ten services of different answers in a copy of this repository: all that must hold holds, and all of them run side by side. */
export async function drill() {
  const copy = await RepositoryCopy.make();
  try {
    for (const [name, ...answers] of services) {
      const startedAt = performance.now();
      await copy.succeed('schematics', '@app/schematics:app', `--name=${name}`, ...answers);
      process.stdout.write(`  ${name} ${answers.join(' ')}: ${seconds(startedAt)}\n`);
    }
    await copy.succeed('nest', 'g', 'client', 'two', '--project', 'one');
    const tested = performance.now();
    const output = await copy.succeed(process.execPath, 'tools/dev/check.js');
    process.stdout.write(`  ${/^\d+ passed, \d+ failed$/m.exec(output)?.[0]}: ${seconds(tested)}\n`);
    await run(copy);
  } finally {
    await copy.remove();
  }
}

async function run(copy) {
  const startedAt = performance.now();
  const started = await copy.start({});
  try {
    process.stdout.write(`  all ready: ${seconds(startedAt)}\n`);
    for (const [name] of services) {
      const { url, admin } = started.addressOf(name);
      for (const address of [`${url}/docs`, `${admin}/healthz`, `${admin}/metrics`]) {
        const { status } = await fetch(address);
        if (status !== 200) throw new Error(`${address} of ${name} answered ${status}`);
      }
    }
  } finally {
    await started.stop();
  }
}

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
