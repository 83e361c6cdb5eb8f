import { eventually, hasRedis, OtlpReceiver, type RedisServer, startRedis } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Shop } from './shop.js';

const withRedis = hasRedis() ? describe : describe.skip;
if (!hasRedis()) process.stdout.write('redis-server is not on this machine: skipping the specs of the shared cache\n');

withRedis('the cache in Redis', () => {
  let redis: RedisServer;
  let otlp: OtlpReceiver;
  let shop: Shop;

  beforeAll(async () => {
    redis = await startRedis();
    otlp = await OtlpReceiver.start();
    shop = await Shop.start({
      ...otlp.env,
      REDIS_URL: redis.url,
      PRODUCTS_TTL_MS: '60000',
      CACHE_CIRCUIT_BREAKER_OPEN_MS: '2000',
    });
    await eventually('Redis is connected', () =>
      shop.services.storefront.logs.some(({ msg }) => msg === 'connected to Redis'),
    );
  });

  afterAll(async () => {
    await shop?.stop();
    await redis?.stop();
    await otlp?.stop();
  });

  const products = () => fetch(`${shop.url}/products`).then((response) => response.status);
  const askedOrders = () => shop.services.orders.logs.filter((line) => line['http.route'] === '/products').length;

  it('is shared: what was loaded once is not loaded again', async () => {
    expect([await products(), await products(), await products()]).toEqual([200, 200, 200]);
    expect(askedOrders()).toBe(1);
  });

  it('is traced: each command is a span of the request', async () => {
    await eventually('a read and its request are in one trace', () =>
      otlp.spans.some(
        ({ service, attributes, traceId }) =>
          service === 'storefront' &&
          attributes['db.operation.name'] === 'GET' &&
          otlp.trace(traceId).some(({ name }) => name === 'GET /products'),
      ),
    );
  });

  const breaker = async () => {
    const view = (await (await fetch(`${shop.services.storefront.admin}/resilience`)).json()) as Record<
      string,
      { circuitBreaker: { state: string } }
    >;
    return view.redis?.circuitBreaker.state;
  };
  const metrics = async () => (await fetch(`${shop.services.storefront.admin}/metrics`)).text();

  it('costs a load, not an answer, while Redis is frozen', async () => {
    process.kill(redis.pid, 'SIGSTOP');
    expect(await products()).toBe(200);
    expect(askedOrders()).toBe(2);
  });

  it('costs a load and no wait once the breaker is open, which closes by itself', async () => {
    await eventually('the breaker opens', async () => (await products()) === 200 && (await breaker()) === 'open', {
      everyMs: 10,
    });
    const lines = shop.services.storefront.logs.filter(({ context }) => context === 'Cache').length;
    const misses = /cache_requests_total\{cache="products",outcome="miss"\} (\d+)/;
    const [, before] = misses.exec(await metrics()) ?? [];
    expect(await products()).toBe(200);
    expect(Number(misses.exec(await metrics())?.[1])).toBe(Number(before) + 1);
    expect(shop.services.storefront.logs.filter(({ context }) => context === 'Cache')).toHaveLength(lines);
    expect(await metrics()).toMatch(/resilience_calls_total\{client="redis",outcome="attempt_timeout"\} [1-9]/);

    process.kill(redis.pid, 'SIGCONT');
    await eventually('the breaker closes', async () => (await products()) === 200 && (await breaker()) === 'closed');
  });

  it('costs a load, not an answer, while Redis is gone', async () => {
    await redis.stop();
    expect(await products()).toBe(200);
    const metrics = await (await fetch(`${shop.services.storefront.admin}/metrics`)).text();
    expect(metrics).toMatch(/cache_requests_total\{cache="products",outcome="error"\} [1-9]/);
  });
});
