import { catalogue, registry } from '@app/telemetry';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Cache } from './cache.js';
import type { CacheStore } from './stores/cache.store.js';
import { MemoryStore } from './stores/memory.store.js';

/** A store that is out of order. */
const broken: CacheStore = {
  get: () => Promise.reject(new Error('the store is away')),
  set: () => Promise.reject(new Error('the store is away')),
  close: async () => undefined,
};

async function outcomes(): Promise<Record<string, number>> {
  const text = await registry.getSingleMetricAsString(catalogue.cacheRequests.name);
  return Object.fromEntries(
    [...text.matchAll(/outcome="(\w+)"\} (\d+)/g)].map(([, outcome, count]) => [outcome, Number(count)]),
  );
}

describe('Cache', () => {
  let loads: number;
  const products = {
    name: 'products',
    ttlMs: 1_000,
    load: async () => {
      loads += 1;
      return { items: [{ sku: 'keel', load: loads }] };
    },
  };

  beforeEach(() => {
    registry.clear();
    loads = 0;
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('loads an entry once, until it expires', async () => {
    const cache = new Cache(new MemoryStore(10));
    const first = await cache.getOrLoad(products);
    expect(first).toEqual({ items: [{ sku: 'keel', load: 1 }] });
    expect(await cache.getOrLoad(products)).toEqual(first);
    jest.advanceTimersByTime(1_000);
    expect(await cache.getOrLoad(products)).toEqual({ items: [{ sku: 'keel', load: 2 }] });
    expect(await outcomes()).toEqual({ miss: 2, hit: 1 });
  });

  it('loads once for all who ask at the same time', async () => {
    const cache = new Cache(new MemoryStore(10));
    const answers = await Promise.all(Array.from({ length: 50 }, () => cache.getOrLoad(products)));
    expect(loads).toBe(1);
    expect(new Set(answers).size).toBe(1);
  });

  it('keeps names and keys apart', async () => {
    const cache = new Cache(new MemoryStore(10));
    const entries = [products, { ...products, key: 'keel' }, { ...products, name: 'stock' }];
    await Promise.all(entries.map((entry) => cache.getOrLoad(entry)));
    for (const entry of entries) await cache.getOrLoad(entry);
    expect(loads).toBe(3);
  });

  it('tells all who asked of a load that failed, and loads anew for the next', async () => {
    const cache = new Cache(new MemoryStore(10));
    const failing = {
      ...products,
      load: async () => {
        loads += 1;
        throw new Error('orders is away');
      },
    };
    const answers = await Promise.allSettled(Array.from({ length: 5 }, () => cache.getOrLoad(failing)));
    expect(answers.map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
    expect(loads).toBe(1);
    expect(await cache.getOrLoad(products)).toEqual({ items: [{ sku: 'keel', load: 2 }] });
  });

  it('loads each time while the store is away, and answers', async () => {
    const cache = new Cache(broken);
    await cache.getOrLoad(products);
    expect(await cache.getOrLoad(products)).toEqual({ items: [{ sku: 'keel', load: 2 }] });
    expect(await outcomes()).toEqual({ error: 4 });
  });

  it('loads what it cannot read, and writes it anew', async () => {
    const store = new MemoryStore(10);
    await store.set('products:', '{"items":[', 1_000);
    const cache = new Cache(store);
    await cache.getOrLoad(products);
    await cache.getOrLoad(products);
    expect(loads).toBe(1);
  });
});
