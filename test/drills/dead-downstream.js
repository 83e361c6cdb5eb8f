import { run } from '../../tools/dev/run.js';

/** A service that is called 100 times a second is dead for twenty seconds: what that costs, and how it comes back. */
export function drill() {
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
  return run('node', [...jest, 'test/dead-downstream'], { env: { ...process.env, DRILL_SECONDS: '20' } });
}
