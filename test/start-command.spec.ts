import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { portOffset } from './port-offset.js';

describe('pnpm start', () => {
  let dataDir: string;
  let offset: number;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ballast-start-'));
    offset = portOffset();
  });

  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  const url = (port: number) => `http://127.0.0.1:${port + offset}`;

  /** Runs the command up to the line that says how to end it, or to its end. */
  async function start(env: Record<string, string> = {}) {
    const child = spawn(process.execPath, ['tools/dev/start.js'], {
      env: { ...process.env, DATA_DIR: dataDir, PORT_OFFSET: String(offset), LOG_LEVEL: 'warn', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
    const up = new Promise<void>((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text;
          if (output.includes('Ctrl-C')) resolve();
        });
      }
    });
    await Promise.race([up, exited]);
    return { child, exited, output: () => output };
  }

  async function stop({
    child,
    exited,
  }: {
    child: ChildProcess;
    exited: Promise<number | null>;
  }): Promise<number | null> {
    child.kill('SIGTERM');
    return exited;
  }

  const isFree = (port: number) =>
    new Promise<boolean>((resolve) => {
      const server = createServer().once('error', () => resolve(false));
      server.listen(port + offset, '127.0.0.1', () => server.close(() => resolve(true)));
    });

  it('runs the shop, prints how to use it, and keeps its orders from one start to the next', async () => {
    const first = await start();
    for (const port of [3000, 3001, 3002, 9000, 9001, 9002]) expect(first.output()).toContain(url(port));

    const [, body = ''] = /curl .*\/checkout .* -d '(.*)'/.exec(first.output()) ?? [];
    const headers = { 'content-type': 'application/json' };
    const placed = await fetch(`${url(3000)}/checkout`, { method: 'POST', headers, body });
    expect(placed.status).toBe(201);
    const { id } = (await placed.json()) as { id: string };
    expect((await fetch(`${url(3000)}/docs`)).status).toBe(200);

    expect(await stop(first)).toBe(0);
    for (const port of [3000, 3001, 3002, 9000, 9001, 9002]) expect([port, await isFree(port)]).toEqual([port, true]);

    const second = await start();
    const again = await fetch(`${url(3000)}/orders/${id}`);
    expect([again.status, await again.json()]).toEqual([200, expect.objectContaining({ id, status: 'paid' })]);
    expect(await stop(second)).toBe(0);
  }, 120_000);

  it('names every port that is in use, and how to go on', async () => {
    const taken = createServer().listen(3001 + offset, '127.0.0.1');
    const { exited, output } = await start();
    taken.close();
    expect(await exited).toBe(1);
    expect(output()).toContain(`${3001 + offset} (orders)`);
    expect(output()).toContain('PORT_OFFSET');
    expect(output()).not.toMatch(/\n\s+at /);
  });

  it.each([
    ['a server that is not there', 'postgres://me:hunter2@127.0.0.1:1', 'does not let us in'],
    ['a single database', 'postgres://me:hunter2@127.0.0.1:5432/shop', 'without a database'],
    ['another kind of server', 'mysql://me:hunter2@127.0.0.1', 'must name a PostgreSQL server'],
  ])('refuses %s as DATABASE_URL with one clear message', async (_what, DATABASE_URL, message) => {
    const { exited, output } = await start({ DATABASE_URL });
    expect(await exited).toBe(1);
    expect(output()).toContain(message);
    expect(output()).not.toContain('hunter2');
    expect(output()).not.toMatch(/\n\s+at /);
  });
});
