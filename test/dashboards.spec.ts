import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { catalogue } from '@app/telemetry';
import { DnsServer, eventually, isInstalled, OtlpReceiver } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Prometheus, type Sample } from './prometheus.js';
import { stackQueries } from './queries.js';
import { Shop } from './shop.js';

const withPrometheus = isInstalled('prometheus') ? describe : describe.skip;
const basket = { items: [{ sku: 'compass', quantity: 1 }] };

/** Services that are not of the shop do not run in this spec. */
const runsHere = (job = 'payments') => ['storefront', 'orders', 'payments'].includes(job);

/** What is empty on a healthy day, by the fault that fills it. Everything else shows something while all is well. */
const filledBy = {
  'payments is killed': [
    'Resilience / Retries by reason / A',
    'Resilience / Retries refused / A',
    'annotation Circuit breakers of Resilience',
    'Service / Log lines of trouble / A',
    'alert ServiceDown',
    'alert InstanceDown',
    'alert CircuitBreakerOpen',
    'alert RetryBudgetEmpty',
  ],
  'orders is killed': [
    'Overview / Services / D',
    'Overview / Failed requests / A',
    'Service / Failed requests by route / A',
    'Resilience / Fallbacks served / A',
    'alert ErrorBudgetBurnsFast',
    'alert ErrorBudgetBurnsSlowly',
    'alert ErrorRatioHigh',
  ],
  'the database of payments is locked': [
    'Resilience / Timeouts / A',
    'Resilience / Timeouts / B',
    'Service / Deadlines exceeded / A',
    'alert LatencyOverObjective',
    'alert PostgresPoolExhausted',
  ],
  'more come at once than the shop can serve': ['Service / Requests shed / A', 'alert LoadShed'],
  'payments stands still for a moment': ['alert EventLoopBlocked'],
  'DNS fails': ['alert DiscoveryFailing'],
  'payments may not use its database': ['alert HealthCheckFails'],
  'the outbox gets more than it can deliver': ['alert OutboxStuck', 'alert OutboxFailing', 'alert OutboxParked'],
} as const;
type Fault = keyof typeof filledBy;

/** A machine that is busy with other things may be slow without any fault. */
const aboutTime = new Set<string>([
  ...filledBy['the database of payments is locked'],
  ...filledBy['more come at once than the shop can serve'],
  ...filledBy['payments stands still for a moment'],
  'Resilience / Retries by reason / A',
  'alert ErrorBudgetBurnsFast',
  'alert ErrorBudgetBurnsSlowly',
]);

withPrometheus('every query of the stack, on real services under real load', () => {
  const queries = stackQueries('10s').filter(({ name }) => runsHere(/^rule \S+ of (\S+)/.exec(name)?.[1]));
  const needFaults = new Set<string>(Object.values(filledBy).flat());
  let otlp: OtlpReceiver;
  let dns: DnsServer;
  let shop: Shop;
  let prometheus: Prometheus;
  let traffic: ChildProcess;

  beforeAll(async () => {
    otlp = await OtlpReceiver.start();
    shop = await Shop.start({
      ...otlp.env,
      DATABASE_POOL_MAX: '2',
      OUTBOX_BATCH_SIZE: '1',
      PAYMENTS_ATTEMPT_TIMEOUT_MS: '800',
      PAYMENTS_TOTAL_TIMEOUT_MS: '1200',
      PAYMENTS_RETRY_BUDGET_RATIO: '0',
      PAYMENTS_RETRY_BUDGET_PER_SECOND: '0.5',
      PAYMENTS_CIRCUIT_BREAKER_OPEN_MS: '700',
      PAYMENTS_CIRCUIT_BREAKER_MAX_OPEN_MS: '700',
      ORDERS_CIRCUIT_BREAKER_OPEN_MS: '700',
      ORDERS_CIRCUIT_BREAKER_MAX_OPEN_MS: '700',
    });
    // As if orders had two instances.
    const { port } = shop.services.orders;
    dns = await DnsServer.start();
    dns.records = ['127.0.0.1', 'localhost'].map((target) => {
      const data = { target, port, priority: 1, weight: 1 };
      return { name: 'orders.test', type: 'SRV', ttl: 1, data };
    });
    await shop.services.storefront.stop();
    await shop.startService('storefront', {
      ORDERS_URL: 'dns+srv:http://orders.test',
      DISCOVERY_DNS_SERVERS: dns.address,
      DISCOVERY_REFRESH_MS: '1000',
    });
    prometheus = await Prometheus.start();
    await prometheus.watch(shop.services);
    traffic = spawn(process.execPath, ['tools/traffic/traffic.js', '--url', shop.url, '--rate', '60'], {
      stdio: 'ignore',
    });
  });

  afterAll(async () => {
    if (traffic?.kill()) await once(traffic, 'exit');
    await prometheus?.stop();
    await shop?.stop();
    await dns?.stop();
    await otlp?.stop();
  });

  /** Asks until each of these has shown something. What Prometheus does not understand ends the test at once. */
  async function expectFilled(names: readonly string[]): Promise<void> {
    const empty = new Map(queries.filter(({ name }) => names.includes(name)).map(({ name, expr }) => [name, expr]));
    expect([...empty.keys()].toSorted()).toEqual([...new Set(names)].sort());
    const failures: unknown[] = [];
    await eventually(
      'every query shows something',
      async () => {
        for (const [name, expr] of empty) {
          const result = await prometheus.query(expr).catch((error) => failures.push(error));
          if (failures.length > 0) return true;
          if ((result as Sample[]).some(({ value }) => value[1] !== 'NaN')) empty.delete(name);
        }
        return empty.size === 0;
      },
      { timeoutMs: 25_000, everyMs: 300 },
    ).catch(() => undefined);
    expect({ failures, empty: [...empty.keys()] }).toEqual({ failures: [], empty: [] });
  }

  const fault = (name: Fault, work: () => Promise<void>) => it(`fills what tells of it when ${name}`, work);
  const filled = (name: Fault) => expectFilled(filledBy[name]);

  it('shows something while all is well, but for what tells of faults', async () => {
    const healthy = queries.map(({ name }) => name).filter((name) => !needFaults.has(name));
    expect(healthy.length).toBeGreaterThan(150);
    await expectFilled(healthy);
  });

  it('tells of no failure while there is none', async () => {
    const silent = queries.filter(({ name }) => needFaults.has(name) && !aboutTime.has(name));
    for (const { name, expr } of silent) {
      const told = (await prometheus.query(expr)).filter(({ metric }) => runsHere(metric.job));
      // Whoever reads of a failure wants to know what the services said.
      const said = told.length > 0 ? Object.values(shop.services).flatMap(({ logs }) => logs) : [];
      expect([name, told, said.filter(({ level }) => level !== 'info')]).toEqual([name, [], []]);
    }
  });

  it('leads from an exemplar to its trace, and from there to its log lines', async () => {
    const name = catalogue.httpServerRequestDuration.name;
    const [found] = await eventually('there are exemplars', async () => {
      const exemplars = await prometheus.exemplars(`${name}_bucket{job="payments"}`);
      return exemplars.length > 0 && exemplars;
    });
    const id = found?.labels.trace_id as string;
    expect(otlp.trace(id).map(({ service }) => service)).toEqual(
      expect.arrayContaining(['storefront', 'orders', 'payments']),
    );
    for (const { logs } of Object.values(shop.services))
      expect(logs.some((line) => line.trace_id === id && line.msg === 'request completed')).toBe(true);
  });

  fault('payments is killed', async () => {
    await shop.services.payments.kill();
    await filled('payments is killed');
    await shop.startService('payments');
    await prometheus.watch(shop.services);
  });

  fault('orders is killed', async () => {
    await shop.services.orders.kill();
    await filled('orders is killed');
    await shop.startService('orders');
    await prometheus.watch(shop.services);
    await eventually('it sells again', async () => (await shop.checkout(basket)).status === 201);
  });

  fault('the database of payments is locked', async () => {
    let over = false;
    const seen = filled('the database of payments is locked').finally(() => {
      over = true;
    });
    while (!over) {
      const lock = shop
        .query('payments', 'begin; lock table payments in exclusive mode; select pg_sleep(4)')
        .catch(() => undefined);
      await Promise.all([lock, ...Array.from({ length: 10 }, () => shop.checkout(basket))]);
    }
    await seen;
  });

  fault('more come at once than the shop can serve', async () => {
    let over = false;
    const seen = filled('more come at once than the shop can serve').finally(() => {
      over = true;
    });
    while (!over) await Promise.all(Array.from({ length: 200 }, () => shop.checkout(basket).catch(() => undefined)));
    await seen;
  });

  fault('payments stands still for a moment', async () => {
    const { pid } = shop.services.payments;
    let over = false;
    const seen = filled('payments stands still for a moment').finally(() => {
      over = true;
    });
    // Longer than the alert allows. A scrape that gave up waiting takes what it would have told with it, so more than once.
    while (!over) {
      process.kill(pid, 'SIGSTOP');
      await sleep(1_200);
      process.kill(pid, 'SIGCONT');
      await sleep(1_000);
    }
    await seen;
  });

  fault('DNS fails', async () => {
    dns.mood = 'failing';
    await filled('DNS fails');
    dns.mood = 'well';
  });

  fault('payments may not use its database', async () => {
    await shop.query('orders', 'alter database payments with allow_connections false');
    await shop.query('orders', `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'payments'`);
    await filled('payments may not use its database');
    await shop.query('orders', 'alter database payments with allow_connections true');
  });

  fault('the outbox gets more than it can deliver', async () => {
    // So many that some are due still when the worker looks again at how many there are, however fast it is.
    await shop.query(
      'orders',
      `insert into outbox (topic, payload, available_at, parked_at)
       select 'unknown', '{}', now() - interval '10 minutes', case when n = 1 then now() end from generate_series(1, 20000) n`,
    );
    await filled('the outbox gets more than it can deliver');
  });
});
