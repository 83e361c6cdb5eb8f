import { randomUUID } from 'node:crypto';
import { eventually, OtlpReceiver } from '@app/testing';
import { portOffset } from '../port-offset.js';
import { RepositoryCopy } from '../repository.copy.ts';
import { areWatched } from '../watched.js';

/** Every answer at least once, chains of calls, and names that lines have to be broken for or that SQL reserves. */
const services = [
  ['one'],
  ['user', '--database'],
  ['three', '--database', '--worker', '--cache'],
  ['four', '--worker'],
  ['five', '--cache', '--calls=one'],
  ['six', '--database', '--calls=five'],
  ['seven', '--cache'],
  ['gift-cards', '--cache', '--database', '--worker', '--calls=three'],
  ['a-name-that-is-as-long-as-a-name-may-be', '--worker', '--calls=gift-cards'],
  ['ten', '--database', '--cache'],
];
const names = services.map(([name]) => name);

/**
 * Ten services of different answers in a copy of this repository: all that must hold holds, and all of them run side by side, are called,
 * and are seen.
 */
export async function drill() {
  const copy = await RepositoryCopy.make();
  try {
    await untilFirstAnswer(copy);
    for (const service of services.slice(1)) await make(copy, service);
    await copy.succeed('nest', 'g', 'client', 'user', '--project', 'one');
    const tested = performance.now();
    const output = await copy.succeed('npx', '--yes', 'pnpm@12', 'test');
    process.stdout.write(`  ${/^\d+ passed, \d+ failed$/m.exec(output)?.[0]}: ${seconds(tested)}\n`);
    await run(copy);
  } finally {
    await copy.remove();
  }
}

async function make(copy, [name, ...answers]) {
  const startedAt = performance.now();
  await copy.succeed('schematics', '@app/schematics:app', `--name=${name}`, ...answers);
  process.stdout.write(`  ${[name, ...answers].join(' ')}: ${seconds(startedAt)}\n`);
}

async function untilFirstAnswer(copy) {
  const startedAt = performance.now();
  await make(copy, services[0]);
  const started = await copy.start({});
  try {
    await answers(`${started.addressOf('one').url}/one/${randomUUID()}`);
    process.stdout.write(`  from the command to the first answer of one: ${seconds(startedAt)}\n`);
  } finally {
    await started.stop();
  }
}

async function run(copy) {
  const startedAt = performance.now();
  const otlp = await OtlpReceiver.start();
  const env = { PORT_OFFSET: String(portOffset()) };
  const started = await copy.start({ ...otlp.env, ...env });
  try {
    process.stdout.write(`  all ready: ${seconds(startedAt)}\n`);
    for (const name of names) {
      const { url, admin } = started.addressOf(name);
      for (const address of [`${url}/docs`, `${admin}/healthz`, `${admin}/metrics`]) await answers(address);
    }
    for (const service of services) await isTraced(otlp, started, service);
    process.stdout.write('  each is in a trace, beside whom it calls\n');
    await areWatched(copy, names, env);
  } finally {
    await started.stop();
    await otlp.stop();
  }
}

async function answers(address) {
  const { status } = await fetch(address);
  if (status !== 200) throw new Error(`${address} answered ${status}`);
}

/** A request that crosses a service, and whom it calls, leaves one trace with a server span of each. */
async function isTraced(otlp, started, [name, ...given]) {
  const called = given.flatMap((answer) => /^--calls=(.*)/.exec(answer)?.[1] ?? [])[0];
  const traceId = randomUUID().replaceAll('-', '');
  await fetch(`${started.addressOf(name).url}/${name}/${called ? `${called}/` : ''}${randomUUID()}`, {
    headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
  });
  const serves = (service) => otlp.trace(traceId).some((span) => span.service === service && span.kind === 2);
  await eventually(`a trace crosses ${name}`, () => [name, ...(called ? [called] : [])].every(serves));
}

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
