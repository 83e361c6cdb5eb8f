import { eventually, hasRedis, OtlpReceiver, type RedisServer, startRedis } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Shop } from './shop.js';

const env = { PRODUCTS_TTL_MS: '900', ORDERS_CIRCUIT_BREAKER_OPEN_MS: '500' };
const paths = ['/products', '/products/compass'];
const stale = /^storefront; (hit; ttl=-\d+|fwd=stale; ttl=-\d+; detail=load-failed)$/;

async function ask(shop: Shop, path: string) {
  const response = await fetch(`${shop.url}${path}`, { signal: AbortSignal.timeout(15_000) });
  const age = response.headers.get('age');
  return {
    status: response.status,
    from: response.headers.get('cache-status') ?? '',
    age: age === null ? undefined : Number(age),
    body: (await response.json()) as Record<string, unknown>,
  };
}

function becomesFresh(shop: Shop, path: string): Promise<unknown> {
  return eventually(`${path} is fresh`, async () =>
    /^storefront; (fwd=\w+|hit); ttl=\d+$/.test((await ask(shop, path)).from),
  );
}

describe('products, while orders cannot give them', () => {
  let otlp: OtlpReceiver;
  let shop: Shop;
  let before: Record<string, unknown>[];

  beforeAll(async () => {
    otlp = await OtlpReceiver.start();
    shop = await Shop.start({ ...env, ...otlp.env });
  });

  afterAll(async () => {
    await shop?.stop();
    await otlp?.stop();
  });

  async function comeStale(): Promise<void> {
    for (const [index, path] of paths.entries()) {
      const first = await eventually(`${path} is stale`, async () => {
        const answer = await ask(shop, path);
        expect(answer).toMatchObject({ status: 200, body: before[index] });
        return stale.test(answer.from) && answer;
      });
      await eventually(`${path} ages`, async () => {
        const { status, from, age } = await ask(shop, path);
        expect([status, from]).toEqual([200, expect.stringMatching(stale)]);
        return Number(age) > Number(first.age);
      });
    }
  }

  it('are loaded, and say so', async () => {
    const answers = await Promise.all(paths.map((path) => ask(shop, path)));
    expect(answers.map(({ status, from, age }) => [status, from, age])).toEqual(
      Array(2).fill([200, 'storefront; fwd=miss; ttl=0', undefined]),
    );
    before = answers.map(({ body }) => body);
    expect(await ask(shop, '/products/compass')).toMatchObject({ from: 'storefront; hit; ttl=0', age: 0 });
  });

  it('come stale and say how old they are, when orders is killed', async () => {
    await shop.services.orders.kill();
    await comeStale();
  });

  it('are seen: a metric, log lines with the trace, an event of the span', async () => {
    const metrics = await (await fetch(`${shop.services.storefront.admin}/metrics`)).text();
    expect(metrics).toMatch(/resilience_fallbacks_total\{client="orders",kind="stale"\} [1-9]/);
    const line = shop.services.storefront.logs.find(({ msg }) => msg === 'fallback for orders: stale');
    expect(line).toMatchObject({ level: 'warn', reason: 'ECONNREFUSED', trace_id: expect.any(String) });
    await eventually('the span is here', () =>
      otlp.trace(String(line?.trace_id)).some(({ events }) => events.some(({ name }) => name === 'fallback')),
    );
  });

  it('are a clear problem where they were never loaded', async () => {
    const { status, body } = await ask(shop, '/products/anchor');
    expect([502, 503, 504]).toContain(status);
    expect(body).toMatchObject({ status, code: expect.stringMatching(/^(upstream_failed|unavailable)$/) });
  });

  it('are fresh again by themselves when orders is back', async () => {
    await shop.startService('orders');
    for (const path of paths) await becomesFresh(shop, path);
  });

  it('come stale while orders runs and its database is gone', async () => {
    // Asked over another database: this one lets nobody in.
    await shop.query('payments', 'alter database orders allow_connections false');
    await shop.query('payments', "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'orders'");
    await comeStale();
    await shop.query('payments', 'alter database orders allow_connections true');
    for (const path of paths) await becomesFresh(shop, path);
  });

  it('that do not exist are an answer, not a failure', async () => {
    const { status, body, from } = await ask(shop, '/products/no-such-thing');
    expect([status, body.code, from]).toEqual([404, 'product_not_found', '']);
  });
});

const withRedis = hasRedis() ? describe : describe.skip;
if (!hasRedis())
  process.stdout.write('redis-server is not on this machine: skipping the specs of stale values in Redis\n');

withRedis('products in Redis, while orders cannot give them', () => {
  let redis: RedisServer;
  let shop: Shop;

  beforeAll(async () => {
    redis = await startRedis();
    shop = await Shop.start({ ...env, REDIS_URL: redis.url });
  });

  afterAll(async () => {
    await shop?.stop();
    await redis?.stop();
  });

  const connected = () =>
    eventually('Redis is connected', () =>
      shop.services.storefront.logs.some(({ msg }) => msg === 'connected to Redis'),
    );

  it('come stale even from a storefront that was started since', async () => {
    await connected();
    const { body } = await ask(shop, '/products');
    await shop.services.orders.kill();
    await shop.services.storefront.kill();
    await shop.startService('storefront');
    await connected();
    const answer = await ask(shop, '/products');
    expect(answer).toMatchObject({ status: 200, body, from: expect.stringMatching(stale) });
    expect(answer.age).toBeGreaterThanOrEqual(0);
  });
});
