import { spawn } from 'node:child_process';

const children = new Set();

/** Starts a process that ends when we do, at the latest. Resolves `exited` when it has ended, with what it said first. */
export function start([command, ...args], options) {
  const child = spawn(command, args, {
    ...options,
    stdio: ['ignore', options.stdout ?? 'ignore', 'pipe', ...(options.ipc ? ['ipc'] : [])],
  });
  children.add(child);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said = (said + text).slice(0, 2_000);
  });
  child.exited = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(`ended with ${code ?? signal}\n${said}`));
  }).finally(() => children.delete(child));
  return child;
}

/** Ends a process that {@link start} started, and waits for it. */
export async function end(child) {
  child.kill('SIGKILL');
  await child.exited;
}

/** Sends a message to a child that has a channel (`ipc`) and waits for its answer. */
export async function ask(child, message, timeoutMs = 30_000) {
  const { promise: answer, resolve, reject } = Promise.withResolvers();
  const timer = setTimeout(
    () => reject(new Error(`no answer within ${timeoutMs} ms: ${child.spawnargs.join(' ')}`)),
    timeoutMs,
  );
  child.once('message', resolve);
  child.exited.then((how) => reject(new Error(`${child.spawnargs.join(' ')}: ${how}`)));
  child.send(message);
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
    child.off('message', resolve);
  }
}

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
