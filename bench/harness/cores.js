import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

const pinnable = availableParallelism() > 1 && hasTaskset();

/** The measured process has the last core to itself; the load, the upstream and the database share the others. */
const serverCore = String(availableParallelism() - 1);
const loadCores = availableParallelism() > 2 ? `0-${availableParallelism() - 2}` : '0';

export const pinning = pinnable
  ? `server on core ${serverCore}, everything else on core ${loadCores}`
  : 'NOT PINNED (one core, or no taskset): server and load take CPU time from each other, so ratios are too close to 1';

/** Moves this process, and so every child that it starts later, off the server's core. */
export function leaveServerCore() {
  if (pinnable) execFileSync('taskset', ['-a', '-c', '-p', loadCores, String(process.pid)], { stdio: 'ignore' });
}

/** The command that runs Node on the server's core. taskset becomes node, so the child's pid is the server's. */
export function onServerCore(args) {
  return pinnable ? ['taskset', '-c', serverCore, process.execPath, ...args] : [process.execPath, ...args];
}

function hasTaskset() {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
