import { execFileSync, spawn } from 'node:child_process';
import { createConnection } from 'node:net';
import { endWithUs } from './end-with-us.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';

export interface RedisServer {
  url: string;
  pid: number;
  /** Runs a command, such as `CONFIG SET maxmemory 1`, and returns its answer as Redis writes it. */
  command(line: string): Promise<string>;
  stop(): Promise<void>;
}

/** Whether this machine has `redis-server`. In CI it must, so there a missing one is not an excuse. */
export function hasRedis(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return process.env.CI === 'true';
  }
}

/** A private Redis on a free port, without persistence. */
export async function startRedis(): Promise<RedisServer> {
  const port = await freePort();
  const child = endWithUs(
    spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], {
      stdio: 'ignore',
    }),
  );
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await eventually('Redis answers', () => canConnect(port));
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: child.pid as number,
    command: (line) => command(port, line),
    stop() {
      child.kill('SIGKILL');
      return exited;
    },
  };
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
      .once('connect', () => resolve(true))
      .once('error', () => resolve(false))
      .once('connect', () => socket.destroy());
  });
}

/** Redis also takes commands as plain lines. @see https://redis.io/docs/latest/develop/reference/protocol-spec/#inline-commands */
function command(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1', () => socket.write(`${line}\r\n`));
    socket.once('error', reject).once('data', (answer) => {
      socket.destroy();
      resolve(String(answer).trim());
    });
  });
}
