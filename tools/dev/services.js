import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from './failure.js';

const startTimeoutMs = 60_000;
/** Longer than a service takes at most: requests, then workers, then spans, then pools. */
const stopTimeoutMs = 40_000;

/** @throws Failure naming every port that is taken */
export async function checkPorts(apps, dataDir) {
  const ports = apps.flatMap(({ name, port, adminPort }) => [
    { port, what: name },
    { port: adminPort, what: `${name}'s admin port` },
  ]);
  const taken = [];
  for (const { port, what } of ports) if (!(await isFree(port))) taken.push(`  ${port} (${what})`);
  if (taken.length === 0) return;
  const left = leftovers(dataDir);
  throw new Failure(
    `These ports are in use:\n${taken.join('\n')}\n` +
      (left.length > 0
        ? `An earlier start was killed and left its services behind. End them: kill ${left.join(' ')}`
        : 'Stop what listens there (`lsof -i :PORT` shows it), or move all of ours with PORT_OFFSET=100.'),
  );
}

const pidsFile = (dataDir) => join(dataDir, 'services.pids');

/** So that a later start can say what a killed one left behind. */
export function rememberPids(apps, dataDir) {
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(pidsFile(dataDir), [process.pid, ...apps.map(({ process: { pid } }) => pid)].join('\n'));
}

export function forgetPids(dataDir) {
  if (leader(dataDir) === process.pid) rmSync(pidsFile(dataDir), { force: true });
}

/** Services that still run although the start that began them does not. */
function leftovers(dataDir) {
  if (!existsSync(pidsFile(dataDir)) || isAlive(leader(dataDir))) return [];
  return pids(dataDir).slice(1).filter(isAlive);
}

const pids = (dataDir) =>
  existsSync(pidsFile(dataDir)) ? readFileSync(pidsFile(dataDir), 'utf8').split('\n').map(Number) : [];
const leader = (dataDir) => pids(dataDir)[0];

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, process.env.HOST || '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Starts an app's process. `exited` resolves when it has ended. */
export function startApp(app, { watch = false } = {}) {
  const args = [
    ...(watch ? ['--watch', '--watch-preserve-output'] : []),
    '--import',
    '@app/telemetry/register',
    'dist/main.js',
  ];
  // In a process group of its own, so that Ctrl-C in a terminal reaches only us, and we stop everything in order.
  app.process = spawn('node', args, {
    cwd: app.folder,
    env: app.env,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
  app.exited = new Promise((resolve) => app.process.once('close', resolve));
}

export async function untilReady({ name, admin, exited }) {
  let code;
  exited.then((value) => {
    code = value ?? 1;
  });
  for (const deadline = Date.now() + startTimeoutMs; Date.now() < deadline; await sleep(50)) {
    if (code !== undefined)
      throw new Failure(`${name} ended with exit code ${code} while it started; what it said stands above.`);
    const ready = await fetch(`${admin}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    if (ready?.ok) return;
  }
  throw new Failure(`${name} was not ready within ${startTimeoutMs / 1000} s.`);
}

/** Stops apps one after the other, callers first, so that requests under way find what they call. */
export async function stopApps(apps) {
  for (const app of apps.filter(({ process }) => process).reverse()) {
    app.process.kill('SIGTERM');
    const ended = await Promise.race([app.exited.then(() => true), sleep(stopTimeoutMs, false, { ref: false })]);
    if (!ended) app.process.kill('SIGKILL');
    await app.exited;
  }
}
