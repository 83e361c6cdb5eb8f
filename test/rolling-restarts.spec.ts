import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, ServiceProcess } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RoundRobin } from './round-robin.js';
import { type AppName, Shop } from './shop.js';

/** `pnpm drill rolling-restarts` runs the long form. */
const { DRILL_RESTARTS = '3', DRILL_RATE = '50' } = process.env;
const restarts = Number(DRILL_RESTARTS);
const perSecond = Number(DRILL_RATE);

const apps = ['payments', 'orders', 'storefront'] as const;
const checkoutEvery = 10;
const basket = JSON.stringify({ items: [{ sku: 'compass', quantity: 1 }] });

describe('restarts of all services, one instance after the other, under a constant load', () => {
  let shop: Shop;
  const proxies = {} as Record<AppName, RoundRobin>;
  const instances: { app: AppName; service: ServiceProcess }[] = [];
  const answers = new Map<string, number>();
  const exitCodes: (number | null)[] = [];
  let sent = 0;

  beforeAll(
    async () => {
      for (const app of apps) proxies[app] = await RoundRobin.start();
      shop = await Shop.start({
        PAYMENTS_URL: proxies.payments.url,
        ORDERS_URL: proxies.orders.url,
        PRODUCTS_TTL_MS: '100',
        SHUTDOWN_DELAY_MS: '300',
        LOG_REQUESTS_RATIO: '0',
      });
      await shop.query('orders', `update products set stock = 1000000`);
      for (const app of apps) {
        instances.push({ app, service: shop.services[app] });
        instances.push({ app, service: await shop.startAnother(app) });
      }
      for (const { app, service } of instances) await join(app, service);

      const load = new AbortController();
      const loading = send(load.signal);
      for (let count = 0; count < restarts; count++) await restart(instances[count % instances.length]!);
      load.abort();
      await loading;
    },
    60_000 + restarts * 15_000,
  );

  afterAll(async () => {
    for (const proxy of Object.values(proxies)) proxy.stop();
    await shop?.stop();
  });

  async function join(app: AppName, service: ServiceProcess): Promise<void> {
    await proxies[app].add(service);
    await eventually(`${app} gets requests`, () => proxies[app].isReady(service));
  }

  async function restart(instance: (typeof instances)[number]): Promise<void> {
    const { app, service } = instance;
    exitCodes.push(await service.stop());
    proxies[app].remove(service);
    instance.service = await shop.startAnother(app);
    await join(app, instance.service);
  }

  /** As many requests a second as told, whether earlier ones are answered or not. */
  async function send(until: AbortSignal): Promise<void> {
    const agent = new Agent({ keepAlive: true });
    const startedAt = performance.now();
    const underway = new Set<Promise<void>>();
    for (; !until.aborted; await sleep(5)) {
      while (sent < ((performance.now() - startedAt) / 1_000) * perSecond) {
        const asking: Promise<void> = ask(agent, sent++ % checkoutEvery === 0).then((outcome) => {
          answers.set(outcome, (answers.get(outcome) ?? 0) + 1);
          underway.delete(asking);
        });
        underway.add(asking);
      }
    }
    await Promise.all(underway);
    agent.destroy();
  }

  function ask(agent: Agent, checkout: boolean): Promise<string> {
    const options = checkout ? { method: 'POST', headers: { 'content-type': 'application/json' } } : {};
    return new Promise((resolve) => {
      const call = request(`${proxies.storefront.url}/${checkout ? 'checkout' : 'products'}`, { agent, ...options });
      call.once('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
      call.once('response', (response) => response.resume().once('end', () => resolve(String(response.statusCode))));
      call.end(checkout ? basket : undefined);
    });
  }

  it('cost no request', () => {
    process.stdout.write(`${restarts} restarts, ${sent} requests at ${perSecond}/s: ${JSON.stringify([...answers])}\n`);
    expect([...answers.keys()].sort()).toEqual(['200', '201']);
    expect([...answers.values()].reduce((sum, count) => sum + count, 0)).toBe(sent);
  });

  it('end each instance with 0', () => {
    expect(exitCodes).toEqual(Array(restarts).fill(0));
  });
});
