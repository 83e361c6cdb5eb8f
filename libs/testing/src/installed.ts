import { execFileSync } from 'node:child_process';

/** Whether this machine has a program. In CI it must, so there a missing one is not an excuse. */
export function isInstalled(program: string, version = '--version'): boolean {
  try {
    execFileSync(program, [version], { stdio: 'ignore' });
    return true;
  } catch {
    if (process.env.CI !== 'true') process.stdout.write(`${program} is not on this machine: skipping what needs it\n`);
    return process.env.CI === 'true';
  }
}
