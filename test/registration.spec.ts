import { setTimeout as sleep } from 'node:timers/promises';
import { ConsulAgent, eventually, type ServiceProcess } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Shop } from './shop.js';

const basket = { items: [{ sku: 'compass', quantity: 1 }] };
const token = 'token-that-nobody-may-see';
const leaveTimeoutMs = 1_000;

describe('services that list themselves in a registry, and find each other there', () => {
  let consul: ConsulAgent;
  let shop: Shop;
  const payments: ServiceProcess[] = [];

  const startPayments = async () => {
    const service = await shop.startAnother('payments', { DISCOVERY_REGISTER: 'consul:http://payments?tag=blue' });
    payments.push(service);
    return service;
  };

  beforeAll(async () => {
    consul = await ConsulAgent.start({ token });
    shop = await Shop.start({
      DISCOVERY_CONSUL_URL: consul.url,
      DISCOVERY_CONSUL_TOKEN: token,
      DISCOVERY_REGISTER_MS: '200',
      DISCOVERY_TIMEOUT_MS: String(leaveTimeoutMs),
    });
    // So that only those that are listed can be found.
    await shop.services.payments.stop();
    await startPayments();
    await startPayments();
    await shop.services.orders.stop();
    await shop.startService('orders', { PAYMENTS_URL: 'consul:http://payments?tag=blue' });
  });

  afterAll(async () => {
    await shop?.stop();
    await consul?.stop();
  });

  const resilience = async () => (await fetch(`${shop.services.orders.admin}/resilience`)).text();
  const addresses = async () =>
    JSON.parse(await resilience())
      .payments.discovery.endpoints.map(({ address }: { address: string }) => address)
      .sort();
  const found = (...services: ServiceProcess[]) => {
    const expected = services.map(({ url }) => new URL(url).host).sort();
    return eventually('orders has found them', async () => String(await addresses()) === String(expected));
  };
  const health = async ({ admin }: ServiceProcess) => JSON.stringify(await (await fetch(`${admin}/healthz`)).json());

  it('sell while the instances are replaced, one after the other', async () => {
    await found(...payments);
    const statuses: number[] = [];
    let over = false;
    const buying = (async () => {
      while (!over) {
        statuses.push((await shop.checkout(basket)).status);
        await sleep(20);
      }
    })();
    for (const going of payments.slice()) {
      const coming = await startPayments();
      await found(...payments.filter(({ alive }) => alive));
      expect(await going.stop()).toBe(0);
      payments.splice(payments.indexOf(going), 1);
      await found(...payments);
      expect(going.logs.map(({ msg }) => msg)).toContain('listed no longer: this instance stops');
      expect(coming.alive).toBe(true);
    }
    over = true;
    await buying;
    expect(statuses.length).toBeGreaterThan(10);
    expect(statuses.filter((status) => status !== 201)).toEqual([]);
  });

  it('go on without the registry, and say so', async () => {
    consul.mood = 'failing';
    consul.cut();
    const [one] = payments as [ServiceProcess];
    for (const service of [one, shop.services.orders]) {
      await eventually('it is degraded', async () =>
        (await health(service)).includes('"discovery":{"status":"degraded'),
      );
    }
    expect((await fetch(`${one.admin}/readyz`)).status).toBe(200);
    expect((await shop.checkout(basket)).status).toBe(201);
    const metrics = async () => (await fetch(`${one.admin}/metrics`)).text();
    expect(await metrics()).toMatch(/^discovery_registered\S* 0$/m);
    expect(await metrics()).toMatch(/^discovery_registration_errors_total\{.*reason="failed".*\} [1-9]/m);
    consul.mood = 'well';
    await eventually('it is listed again', async () => /^discovery_registered\S* 1$/m.test(await metrics()));
  });

  it('leave the registry before they say that they are not ready, and do not wait for it for ever', async () => {
    const [one] = payments as [ServiceProcess];
    consul.mood = 'hanging';
    const stopping = performance.now();
    const exit = one.stop();
    await sleep(leaveTimeoutMs / 3);
    expect((await fetch(`${one.admin}/readyz`)).status).toBe(200);
    expect(await exit).toBe(0);
    expect(performance.now() - stopping).toBeGreaterThanOrEqual(leaveTimeoutMs * 0.9);
    consul.mood = 'well';
  });

  it('show their token to nobody', async () => {
    const shown = [
      ...shop.processes.flatMap(({ logs, output }) => [JSON.stringify(logs), output]),
      await resilience(),
      await (await fetch(`${shop.services.orders.admin}/metrics`)).text(),
      await health(shop.services.orders),
    ];
    expect(shown.filter((text) => text.includes(token))).toEqual([]);
    expect(shown.join()).toContain('the registry does not take');
  });
});
