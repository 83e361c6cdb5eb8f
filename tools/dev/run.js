import { spawn } from 'node:child_process';
import { Failure } from './failure.js';

/** Runs a command to its end with its output on ours. @throws Failure when it fails */
export function run(command, args, { cwd = process.cwd(), env = process.env, quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(output);
      else
        reject(new Failure(`\`${[command, ...args].join(' ')}\` failed with exit code ${code}.\n${output.trimEnd()}`));
    });
  });
}
