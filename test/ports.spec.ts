import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Shop } from './shop.js';

describe('the two ports of each service', () => {
  let shop: Shop;

  beforeAll(async () => {
    shop = await Shop.start();
  });

  afterAll(() => shop?.stop());

  const status = async (url: string, init?: RequestInit) => (await fetch(url, init)).status;

  it('keep operations off the public port', async () => {
    for (const { url } of Object.values(shop.services)) {
      for (const path of ['/livez', '/readyz', '/healthz', '/metrics', '/log-level']) {
        expect([path, await status(url + path)]).toEqual([path, 404]);
      }
    }
  });

  it('keep business off the admin port', async () => {
    for (const { admin } of Object.values(shop.services)) {
      for (const path of ['/products', '/orders', '/payments', '/docs']) {
        expect([path, await status(admin + path)]).toEqual([path, 404]);
      }
    }
  });

  it('answer the probes on the admin port', async () => {
    for (const { admin } of Object.values(shop.services)) {
      for (const path of ['/livez', '/readyz', '/healthz']) {
        expect([path, await status(admin + path)]).toEqual([path, 200]);
      }
    }
  });

  it('leave probes and scrapes out of logs and metrics', async () => {
    const { admin, logs } = shop.services.payments;
    const before = logs.length;
    await fetch(`${admin}/healthz`);
    const metrics = await (await fetch(`${admin}/metrics`)).text();
    expect(metrics).not.toContain('healthz');
    expect(logs.length).toBe(before);
  });

  describe('an admin write', () => {
    const write = (init: RequestInit = {}) => {
      const { headers, ...rest } = init;
      return fetch(`${shop.services.payments.admin}/log-level`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(headers as Record<string, string>) },
        body: '{"level":"debug"}',
        ...rest,
      });
    };

    it('changes the log level while the service runs', async () => {
      expect((await write()).status).toBe(200);
      expect(await (await fetch(`${shop.services.payments.admin}/log-level`)).json()).toEqual({ level: 'debug' });
    });

    it('is refused to a web page', async () => {
      const response = await write({ headers: { origin: 'http://localhost:9002' } });
      expect([response.status, await response.json()]).toEqual([403, expect.objectContaining({ code: 'forbidden' })]);
    });

    it('is refused to a form, which browsers send without asking', async () => {
      expect((await write({ headers: { 'content-type': 'text/plain' } })).status).toBe(403);
    });

    it('names what is wrong with it', async () => {
      const response = await write({ body: '{"level":"loud"}' });
      expect([response.status, await response.json()]).toEqual([
        400,
        expect.objectContaining({ errors: [expect.objectContaining({ path: 'level' })] }),
      ]);
    });
  });
});
