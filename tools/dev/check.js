import './node-version.js';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { build } from './build.js';
import { main, step } from './failure.js';
import { run } from './run.js';

const report = '.data/jest-report.json';
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
let passed = 0;
let failed = 0;

/** Everything that must hold, one check after the other. The last line counts the checks and each of Jest's tests. */
await main(async () => {
  await check('format and lint', () => run('biome', ['ci', '--error-on-warnings', '.']));
  await check('types', () => run('tsc', ['--noEmit']));
  const built = await check('build', build);
  if (built) await test();
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  if (failed > 0) process.exitCode = 1;
});

async function check(what, work) {
  try {
    await step(what, work);
    passed += 1;
    return true;
  } catch (error) {
    console.error(`✗ ${error.message}`);
    failed += 1;
    return false;
  }
}

async function test() {
  mkdirSync('.data', { recursive: true });
  rmSync(report, { force: true });
  const green = await step('tests', () =>
    run('node', [...jest, '--json', `--outputFile=${report}`, ...process.argv.slice(2)]).then(
      () => true,
      () => false,
    ),
  );
  const counts = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined;
  passed += counts?.numPassedTests ?? 0;
  const broken = (counts?.numFailedTests ?? 0) + (counts?.numRuntimeErrorTestSuites ?? 0);
  failed += green ? broken : Math.max(1, broken);
}
