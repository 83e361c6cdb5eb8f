import { run } from '../../tools/dev/run.js';

/** Twenty restarts in a row under 200 requests a second: none may fail. */
export function drill() {
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
  return run('node', [...jest, 'test/rolling-restarts'], {
    env: { ...process.env, DRILL_RESTARTS: '20', DRILL_RATE: '200' },
  });
}
