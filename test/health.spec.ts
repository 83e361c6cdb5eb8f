import { setTimeout as sleep } from 'node:timers/promises';
import {
  eventually,
  hasRedis,
  type PostgresServer,
  type RedisServer,
  ServiceProcess,
  startPostgres,
  startRedis,
} from '@app/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { clearFaults, injectFault } from './fault.js';
import { probe } from './probes.js';
import { folderOf, Shop } from './shop.js';

const maxSilenceMs = 1_000;
const env = {
  FAULTS_ENABLED: 'true',
  HEALTH_TIMEOUT_MS: '300',
  HEALTH_CACHE_MS: '300',
  DATABASE_POOL_MAX: '4',
  DATABASE_ACQUIRE_TIMEOUT_MS: '500',
  DATABASE_STATEMENT_TIMEOUT_MS: '1000',
  REQUEST_DEADLINE_MS: '2000',
  OUTBOX_LEASE_MS: '800',
  OUTBOX_POLL_MS: '100',
  OUTBOX_MAX_SILENCE_MS: String(maxSilenceMs),
  PRODUCTS_TTL_MS: '200',
  ORDERS_RETRY: 'false',
  ORDERS_CIRCUIT_BREAKER_MINIMUM_THROUGHPUT: '3',
  ORDERS_CIRCUIT_BREAKER_WINDOW_MS: '2000',
  ORDERS_CIRCUIT_BREAKER_OPEN_MS: '500',
};

describe('a service without its database', () => {
  let postgres: PostgresServer;
  const started: ServiceProcess[] = [];

  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterEach(() => Promise.all(started.splice(0).map((service) => service.kill())));
  afterAll(() => postgres?.stop());

  async function startOrders(databaseUrl: string): Promise<ServiceProcess> {
    const service = await ServiceProcess.startUnready({
      folder: folderOf('orders'),
      env: { ...env, DATABASE_URL: databaseUrl },
    });
    started.push(service);
    return service;
  }
  const turnsFailed = ({ logs }: ServiceProcess) =>
    logs.filter(({ err }) => (err as { code?: string } | undefined)?.code === '42P01').length;
  const told = (service: ServiceProcess, msg: string) =>
    eventually(msg, () => service.logs.find((line) => line.msg === msg));

  it('starts, is alive, and says once why it is not ready, without the password', async () => {
    const orders = await startOrders('postgres://someone:hunter2-secret@127.0.0.1:1/orders');
    expect(await probe(orders, 'livez')).toMatchObject({ httpStatus: 200, status: 'ok' });
    expect(await probe(orders, 'readyz')).toMatchObject({
      httpStatus: 503,
      status: 'error',
      details: { postgres: { status: 'down', reason: 'unreachable' } },
    });
    const line = await told(orders, 'postgres: error, unreachable');
    expect(line).toMatchObject({ level: 'error', mend: expect.stringContaining('DATABASE_URL') });
    expect(JSON.stringify([orders.logs, orders.output])).not.toContain('hunter2');
    expect(orders.ready).toBe(false);
  });

  it('becomes ready by itself when the database is made and migrated', async () => {
    const server = new URL(postgres.url);
    server.pathname = '/later';
    const orders = await startOrders(server.href);
    await told(orders, 'postgres: error, not_migrated');
    await postgres.database('later');
    expect(await told(orders, 'postgres: error, not_migrated')).toMatchObject({
      mend: expect.stringContaining('Create the database'),
    });
    // The worker's statements fail for want of its table, and say nothing good of the database.
    await eventually('the worker has tried twice', () => turnsFailed(orders) >= 2);
    expect((await probe(orders, 'readyz')).httpStatus).toBe(503);
    expect((await probe(orders, 'readyz')).httpStatus).toBe(503);
    expect(orders.ready).toBe(false);
    await postgres.query(
      'later',
      'create table orders (); create table outbox (available_at timestamptz, parked_at timestamptz)',
    );
    await told(orders, 'ready');
    expect((await probe(orders, 'readyz')).httpStatus).toBe(200);
  });
});

const withRedis = hasRedis() ? describe : describe.skip;
if (!hasRedis()) process.stdout.write('redis-server is not on this machine: skipping the specs of its health\n');

describe('what happens to a service, and what its probes say of it', () => {
  let redis: RedisServer | undefined;
  let shop: Shop;
  const { checkout, products } = {
    checkout: () => shop.checkout({ items: [{ sku: 'compass', quantity: 1 }] }),
    products: () => fetch(`${shop.url}/products`),
  };

  beforeAll(async () => {
    if (hasRedis()) redis = await startRedis();
    shop = await Shop.start({ ...env, ...(redis && { REDIS_URL: redis.url }) });
  });
  afterAll(async () => {
    await shop?.stop();
    await redis?.stop();
  });

  const allWell = () =>
    eventually('all is well', async () => {
      const { services } = shop;
      for (const service of Object.values(services)) if ((await probe(service, 'readyz')).status !== 'ok') return false;
      await products();
      return (
        (await probe(services.orders, 'healthz')).status === 'ok' &&
        (await probe(services.storefront, 'healthz')).status === 'ok'
      );
    });
  const connections = async () =>
    (
      await shop.query(
        'payments',
        `select from pg_stat_activity where datname = 'orders' and application_name = 'orders'`,
      )
    ).length;

  async function aThousandProbes(service: ServiceProcess): Promise<void> {
    for (let batch = 0; batch < 20; batch++) {
      await Promise.all(Array.from({ length: 50 }, () => probe(service, 'healthz')));
      await sleep(20);
    }
  }

  it('all is well, and says so in detail', async () => {
    await allWell();
    expect(await probe(shop.services.orders, 'healthz')).toMatchObject({
      httpStatus: 200,
      status: 'ok',
      details: Object.fromEntries(
        ['postgres', 'outbox', 'outbox-worker', 'event-loop', 'payments'].map((name) => [name, { status: 'up' }]),
      ),
    });
    expect(Object.keys((await probe(shop.services.storefront, 'healthz')).details).sort()).toEqual([
      'cache',
      'discovery',
      'event-loop',
      'orders',
    ]);
  });

  it('Postgres is killed: not ready but alive, and the storefront serves on, degraded; all of it mends by itself', async () => {
    const { storefront, orders } = shop.services;
    expect((await products()).status).toBe(200);
    process.kill(shop.postgres.pid, 'SIGKILL');

    const seen = await eventually('orders is not ready', async () => {
      const report = await probe(orders, 'readyz');
      return report.httpStatus === 503 && report;
    });
    expect(seen.details.postgres).toMatchObject({ status: 'down' });
    expect((await probe(orders, 'livez')).httpStatus).toBe(200);
    await eventually('it says so in detail', async () => (await probe(orders, 'healthz')).httpStatus === 503);
    await eventually('storefront is degraded', async () => {
      expect((await products()).status).toBe(200);
      await fetch(`${shop.url}/products/anchor`);
      const report = await probe(storefront, 'healthz');
      return (
        report.httpStatus === 200 && report.status === 'degraded' && report.details.orders?.reason === 'circuit_open'
      );
    });
    expect((await probe(storefront, 'readyz')).httpStatus).toBe(200);

    await shop.postgres.crash(); // Brings it back.
    await allWell();
    expect([storefront.alive, orders.alive]).toEqual([true, true]);
  });

  it('Postgres is frozen: alive throughout, no request waits longer than its deadline, and no connection is left over', async () => {
    const before = await connections();
    const thaw = await shop.postgres.freeze();
    const until = Date.now() + 3 * maxSilenceMs;
    const outcomes: { status: number; durationMs: number }[] = [];
    try {
      while (Date.now() < until) {
        expect((await probe(shop.services.orders, 'livez')).httpStatus).toBe(200);
        const startedAt = Date.now();
        const { status } = await checkout();
        outcomes.push({ status, durationMs: Date.now() - startedAt });
      }
      await eventually(
        'orders is not ready',
        async () => (await probe(shop.services.orders, 'readyz')).httpStatus === 503,
      );
    } finally {
      thaw();
    }
    const slack = 1_000;
    expect(outcomes.filter(({ status, durationMs }) => status < 500 || durationMs > 2_000 + slack)).toEqual([]);
    await allWell();
    expect((await checkout()).status).toBe(201);
    await eventually('no more connections than before', async () => (await connections()) <= Math.max(before, 4));
  });

  it('all connections are in use: that shows as what it is, and stays ready', async () => {
    const lock = shop
      .query('orders', 'begin; lock table products in access exclusive mode; select pg_sleep(1.5)')
      .catch(() => undefined);
    await sleep(100);
    const waiting = Array.from({ length: 8 }, () => fetch(`${shop.services.orders.url}/products`));
    await eventually(
      'the pool is full',
      async () => {
        expect((await probe(shop.services.orders, 'readyz')).httpStatus).toBe(200);
        const { httpStatus, details } = await probe(shop.services.orders, 'healthz');
        return httpStatus === 200 && details.postgres?.reason === 'pool_full';
      },
      { everyMs: 20 },
    );
    await Promise.all(waiting);
    await lock;
    await allWell();
  });

  it('its event loop is held for three seconds: it goes on as before, and loses nothing', async () => {
    const { orders } = shop.services;
    await injectFault(orders, { kind: 'block', blockMs: 3_000 });
    const asked = Array.from({ length: 3 }, () => fetch(`${orders.url}/products`));
    expect((await probe(orders, 'healthz')).details['event-loop']).toMatchObject({ reason: 'slow_event_loop' });
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200]);
    await allWell();
    expect((await checkout()).status).toBe(201);
  });

  it('its worker freezes: not alive within its longest silence, and ready all the same', async () => {
    const { orders } = shop.services;
    expect((await probe(orders, 'livez')).httpStatus).toBe(200);
    await injectFault(orders, { kind: 'freeze', worker: 'outbox', forMs: 600_000 });
    const report = await eventually('it is not alive', async () => {
      const seen = await probe(orders, 'livez');
      return seen.httpStatus === 503 && seen;
    });
    expect(report.details).toMatchObject({ 'outbox-worker': { status: 'down', reason: 'silent' } });
    expect((await probe(orders, 'readyz')).httpStatus).toBe(200);
    await clearFaults(orders);
    await allWell();
  });

  it('a thousand probes come: no connection is opened and no line logged for them', async () => {
    const { orders } = shop.services;
    const before = await connections();
    const logged = orders.logs.length;
    await aThousandProbes(orders);
    expect(await connections()).toBeLessThanOrEqual(before + 1);
    expect(orders.logs.slice(logged).filter((line) => JSON.stringify(line).includes('healthz'))).toEqual([]);
  });

  withRedis('and to the cache', () => {
    async function shows(reason: string | undefined): Promise<void> {
      await eventually(`the cache is ${reason ?? 'ok'}`, async () => {
        expect((await fetch(`${shop.url}/products`)).status).toBe(200);
        expect((await probe(shop.services.storefront, 'readyz')).httpStatus).toBe(200);
        const { httpStatus, details } = await probe(shop.services.storefront, 'healthz');
        return httpStatus === 200 && details.cache?.reason === reason;
      });
    }

    it('it takes and gives back', () => shows(undefined));

    it('it is asked once for each cache period, however many ask', async () => {
      await redis?.command('CONFIG RESETSTAT');
      const startedAt = Date.now();
      await aThousandProbes(shop.services.storefront);
      const periods = Math.ceil((Date.now() - startedAt) / Number(env.HEALTH_CACHE_MS)) + 1;
      const [, writes] = /cmdstat_set:calls=(\d+)/.exec((await redis?.command('INFO commandstats')) ?? '') ?? [];
      expect(Number(writes)).toBeGreaterThan(0);
      expect(Number(writes)).toBeLessThanOrEqual(periods);
    });

    it('it is read-only', async () => {
      await redis?.command('REPLICAOF 127.0.0.1 1');
      await shows('read_only');
      await redis?.command('REPLICAOF NO ONE');
      await shows(undefined);
    });

    it('it is full', async () => {
      await redis?.command('CONFIG SET maxmemory 1');
      await shows('full');
      await redis?.command('CONFIG SET maxmemory 0');
      await shows(undefined);
    });

    it('it is frozen', async () => {
      process.kill(redis!.pid, 'SIGSTOP');
      await shows('timeout');
      process.kill(redis!.pid, 'SIGCONT');
      await shows(undefined);
    });

    it('it is gone', async () => {
      await redis?.stop();
      await shows('unreachable');
    });
  });
});
