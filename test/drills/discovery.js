import { run } from '../../tools/dev/run.js';

/** One of five instances is slow for twenty seconds; one fails, all fail, and all are replaced, of a list, by DNS and by Kubernetes. */
export function drill() {
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
  return run('node', [...jest, 'test/discovery.spec'], { env: { ...process.env, DRILL_SECONDS: '20' } });
}
