import { createServer, type Server } from 'node:net';
import { ServiceProcess } from '@app/testing';
import { describe, expect, it } from '@jest/globals';
import { type AppName, folderOf } from './shop.js';

describe('a service that cannot start', () => {
  async function startFailing(app: AppName, env: Record<string, string>): Promise<string> {
    const service = ServiceProcess.spawn({ folder: folderOf(app), env });
    const code = await service.exited;
    expect(code).toBe(1);
    expect(service.output).not.toMatch(/\n\s+at |node_modules/);
    return service.output;
  }

  it('names every problem of its configuration at once', async () => {
    const output = await startFailing('orders', {
      PORT: 'abc',
      LOG_LEVEL: 'loud',
      PAYMENTS_URL: 'payments:3002',
      OUTBOX_BATCH_SIZE: '0',
      DATABASE_POOL_MAX: '-3',
    });
    expect(output).toMatch(/6 problems/);
    for (const name of [
      'PORT',
      'LOG_LEVEL',
      'PAYMENTS_URL',
      'OUTBOX_BATCH_SIZE',
      'DATABASE_POOL_MAX',
      'DATABASE_URL',
    ]) {
      expect(output).toContain(`- ${name}`);
    }
    expect(output).toContain('.env.example');
  });

  it('never repeats a secret', async () => {
    const output = await startFailing('orders', {
      DATABASE_URL: 'mysql://root:hunter2-secret@db',
      ADMIN_TOKEN: 'short-secret',
    });
    expect(output).toContain('- DATABASE_URL');
    expect(output).toContain('- ADMIN_TOKEN');
    expect(output).not.toContain('secret@');
    expect(output).not.toContain('short-secret');
  });

  it('says which port is taken', async () => {
    const taken = await new Promise<Server>((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
    });
    const { port } = taken.address() as { port: number };
    for (const name of ['PORT', 'ADMIN_PORT']) {
      expect(await startFailing('storefront', { [name]: String(port) })).toContain(`127.0.0.1:${port} is in use`);
    }
    taken.close();
  });
});
