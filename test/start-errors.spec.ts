import { createServer, type Server } from 'node:net';
import { type PostgresServer, ServiceProcess, startPostgres } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AppName, folderOf } from './shop.js';

const nowhere = 'postgres://someone:hunter2-secret@127.0.0.1:1/orders';

describe('a service that cannot start', () => {
  let postgres: PostgresServer;

  beforeAll(async () => {
    postgres = await startPostgres();
  });

  afterAll(() => postgres?.stop());

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

  it('says that its database is not there, without the password', async () => {
    const output = await startFailing('orders', { DATABASE_URL: nowhere });
    expect(output).toMatch(/cannot be used.*ECONNREFUSED/s);
    expect(output).not.toContain('hunter2');
  });

  it('says that its database is missing, or was never migrated', async () => {
    expect(await startFailing('orders', { DATABASE_URL: `${postgres.url}/nothing` })).toContain('Create the database');
    expect(await startFailing('orders', { DATABASE_URL: await postgres.database('orders') })).toContain('pnpm migrate');
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
