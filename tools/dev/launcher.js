import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const everyMs = 500;

/**
 * Resolves when a process through which the user started us has gone: npx, pnpm, or a shell between them. npx does not pass SIGTERM on,
 * so without this a stopped `npx pnpm start` would leave everything running.
 */
export async function launcherGone() {
  const launchers = [];
  for (let pid = process.ppid, links = launcherLinks(pid); links; pid = links.parent, links = launcherLinks(pid))
    launchers.push(pid);
  while (launchers.every(isAlive)) await sleep(everyMs, undefined, { ref: false });
}

function launcherLinks(pid) {
  try {
    const { parent, command } = process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
    // `sh -c` runs each script; a person's own shell is no launcher of ours.
    return /\b(npm|npx|pnpm)\b|^\S*sh\s+-c\s/.test(command) ? { parent } : undefined;
  } catch {
    return undefined;
  }
}

function fromProc(pid) {
  const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
  return { parent, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') };
}

function fromPs(pid) {
  const [, parent, command] = /^\s*(\d+)\s+(.*)/.exec(
    execFileSync('ps', ['-o', 'ppid=,args=', '-p', String(pid)], { encoding: 'utf8' }),
  );
  return { parent: Number(parent), command };
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
