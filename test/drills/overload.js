import { run } from '../../tools/dev/run.js';

/** Three times as many requests as a service can serve, for half a minute, with the load limit and without. */
export function drill() {
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
  return run('node', [...jest, 'test/overload'], { env: { ...process.env, DRILL_SECONDS: '30' } });
}
