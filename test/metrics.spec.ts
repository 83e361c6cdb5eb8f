import { eventually, isInstalled } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Prometheus } from './prometheus.js';
import { Shop } from './shop.js';

const withPrometheus = isInstalled('prometheus') ? describe : describe.skip;

withPrometheus('/metrics, read by a real Prometheus', () => {
  let shop: Shop;
  let prometheus: Prometheus;

  beforeAll(async () => {
    shop = await Shop.start({ LOAD_LIMIT: 'false' });
    prometheus = await Prometheus.start();
    await prometheus.watch(shop.services);
  });

  afterAll(async () => {
    await prometheus?.stop();
    await shop?.stop();
  });

  it('is understood whole', async () => {
    const up = await eventually('all services are scraped', async () => {
      const result = await prometheus.query('up == 1');
      return result.length === 3 && result;
    });
    expect(up).toHaveLength(3);
  });

  it('has as many series after 10,000 requests to 1,000 addresses as after 100', async () => {
    // What Node tells of open handles and kinds of garbage collection comes and goes with them, and has nothing to do with addresses.
    const seriesOf = async (admin: string) => {
      const text = await (await fetch(`${admin}/metrics`)).text();
      const lines = text.split('\n').filter((line) => line && !/^(#|nodejs_(active|gc))/.test(line));
      return lines.map((line) => line.replace(/ [^ ]+( # .*)?$/, '')).sort();
    };
    const all = () => Promise.all(Object.values(shop.services).map(({ admin }) => seriesOf(admin)));
    // Each of these requests is answered with 404, which would be a line in the log.
    for (const { admin } of Object.values(shop.services)) {
      const headers = { 'content-type': 'application/json' };
      await fetch(`${admin}/log-level`, { method: 'POST', headers, body: '{"level":"error"}' });
    }
    // Few at a time: many would also show what a full bulkhead answers.
    const ask = async (requests: number, addresses: number, tag: string) => {
      let next = 0;
      const worker = async () => {
        for (let index = next++; index < requests; index = next++) {
          const id = `${tag}${index % addresses}`;
          const path = [`orders/${id}`, `products/${id}`, `${id}/${index}`][index % 3] as string;
          const response = await fetch(`${shop.url}/${path}`);
          await response.arrayBuffer();
        }
      };
      await Promise.all(Array.from({ length: 4 }, worker));
    };
    await ask(100, 100, 'a');
    const before = await all();
    await ask(10_000, 1_000, 'b');
    expect(await all()).toEqual(before);
  });
});
