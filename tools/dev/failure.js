/** A problem that a person can mend: its message says how, and no stack trace is shown. */
export class Failure extends Error {}

/** Runs a command of ours; a failure is one clear message and exit code 1. */
export async function main(command) {
  try {
    await command();
  } catch (error) {
    const expected = error instanceof Failure || error.mend;
    console.error(`\n✗ ${expected ? [error.message, error.mend].filter(Boolean).join('\n  ') : error.stack}`);
    process.exitCode = 1;
  }
}

/** Does a step, and shows that it is being done and how long it took. */
export async function step(what, work) {
  const startedAt = performance.now();
  process.stdout.write(`· ${what}\n`);
  const result = await work();
  const seconds = (performance.now() - startedAt) / 1000;
  if (seconds >= 1) process.stdout.write(`  ${seconds.toFixed(1)} s\n`);
  return result;
}
