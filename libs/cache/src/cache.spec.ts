import { Deadline, ResilienceError, type ResilienceEvent, runWithDeadline } from '@app/resilience';
import { catalogue, logger, registry } from '@app/telemetry';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Cache, type CacheEntry } from './cache.js';
import type { CacheStore } from './stores/cache.store.js';
import { MemoryStore } from './stores/memory.store.js';

/** A store that is out of order. */
const broken: CacheStore = {
  get: () => Promise.reject(new Error('the store is away')),
  set: () => Promise.reject(new Error('the store is away')),
  delete: () => Promise.reject(new Error('the store is away')),
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
  const loaded = (load: number) => ({ items: [{ sku: 'keel', load }] });

  beforeEach(() => {
    registry.clear();
    loads = 0;
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('loads an entry once, until it expires, and tells its age', async () => {
    const cache = new Cache(new MemoryStore(10));
    expect(await cache.getOrLoad(products)).toEqual({ value: loaded(1), ageMs: 0, ttlMs: 1_000, asked: 'miss' });
    jest.advanceTimersByTime(400);
    expect(await cache.getOrLoad(products)).toEqual({ value: loaded(1), ageMs: 400, ttlMs: 600 });
    jest.advanceTimersByTime(600);
    expect(await cache.getOrLoad(products)).toEqual({ value: loaded(2), ageMs: 0, ttlMs: 1_000, asked: 'miss' });
    expect(await outcomes()).toEqual({ miss: 2, hit: 1 });
  });

  it('takes a store that is not asked, because its breaker is open, for a miss', async () => {
    const warn = jest.fn();
    const child = jest.spyOn(logger, 'child').mockReturnValue({ warn } as never);
    const open = () => Promise.reject(new ResilienceError({ code: 'circuit_open', client: 'redis' }));
    const cache = new Cache({ ...broken, get: open, set: open });
    expect(await cache.getOrLoad(products)).toMatchObject({ value: loaded(1), asked: 'miss' });
    expect(await outcomes()).toEqual({ miss: 1 });
    expect(warn).not.toHaveBeenCalled();
    child.mockRestore();
  });

  it('loads once for all who ask at the same time', async () => {
    const cache = new Cache(new MemoryStore(10));
    const answers = await Promise.all(Array.from({ length: 50 }, () => cache.getOrLoad(products)));
    expect(loads).toBe(1);
    expect(new Set(answers).size).toBe(1);
  });

  it('counts the age of what it loads from the end of the load', async () => {
    const cache = new Cache(new MemoryStore(10));
    const load = async () => {
      jest.advanceTimersByTime(5_000);
      return 'slow';
    };
    expect(await cache.getOrLoad({ ...products, load })).toMatchObject({ ageMs: 0, ttlMs: 1_000 });
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
    expect(await cache.getOrLoad(products)).toMatchObject({ value: loaded(2) });
  });

  it('goes on with a load when the caller who began it goes away', async () => {
    const cache = new Cache(new MemoryStore(10));
    const { promise, resolve } = Promise.withResolvers<string>();
    const entry = { ...products, load: () => promise };
    const deadline = new Deadline(10_000, 'request');
    const first = runWithDeadline(deadline, () => cache.getOrLoad(entry));
    const second = cache.getOrLoad(entry);
    deadline.cancel();
    resolve('here');
    expect([(await first).value, (await second).value]).toEqual(['here', 'here']);
  });

  it('loads each time while the store is away, and answers', async () => {
    const cache = new Cache(broken);
    await cache.getOrLoad(products);
    expect(await cache.getOrLoad(products)).toMatchObject({ value: loaded(2) });
    expect(await outcomes()).toEqual({ error: 4 });
  });

  it.each([['{"items":['], ['{"items":[]}'], ['null']])(
    'loads what it cannot read, and writes it anew: %s',
    async (text) => {
      const store = new MemoryStore(10);
      await store.set('products:', text, 1_000);
      const cache = new Cache(store);
      await cache.getOrLoad(products);
      await cache.getOrLoad(products);
      expect(loads).toBe(1);
    },
  );

  describe('while the source fails', () => {
    let away: Error | undefined;
    let events: ResilienceEvent[];
    let store: MemoryStore;
    let cache: Cache;
    const entry: CacheEntry<unknown> = {
      ...products,
      staleMs: 60_000,
      client: 'orders',
      isAnswer: (error) => (error as Error).message === 'no such product',
      load: () => {
        if (!away) return products.load();
        loads += 1;
        return Promise.reject(away);
      },
    };

    beforeEach(async () => {
      away = undefined;
      events = [];
      store = new MemoryStore(10);
      cache = new Cache(store, { emit: (event) => events.push(event) });
      await cache.getOrLoad(entry);
      jest.advanceTimersByTime(3_000);
      away = Object.assign(new Error('orders is away'), { code: 'ECONNREFUSED' });
    });

    const fallback = { type: 'fallback', client: 'orders', kind: 'stale', reason: 'ECONNREFUSED', known: false };

    it('gives the stale value with its age, and reports it', async () => {
      expect(await cache.getOrLoad(entry)).toEqual({ value: loaded(1), ageMs: 3_000, ttlMs: -2_000, asked: 'stale' });
      expect([loads, events]).toEqual([2, [fallback]]);
    });

    it('gives it to all who wait for the load that failed, and reports each', async () => {
      const answers = await Promise.all(Array.from({ length: 5 }, () => cache.getOrLoad(entry)));
      expect(answers.map(({ ttlMs }) => ttlMs)).toEqual(Array(5).fill(-2_000));
      expect([loads, events]).toEqual([2, Array(5).fill(fallback)]);
    });

    it('gives it at once afterwards, and asks the source once a second', async () => {
      const warn = jest.fn();
      const child = jest.spyOn(logger, 'child').mockReturnValue({ warn } as never);
      cache = new Cache(store, { emit: (event) => events.push(event) });
      child.mockRestore();
      await cache.getOrLoad(entry);
      for (let passedMs = 0; passedMs < 3_000; passedMs += 100) {
        expect(await cache.getOrLoad(entry)).toMatchObject({
          value: loaded(1),
          ageMs: 3_000 + passedMs,
          asked: undefined,
        });
        await jest.advanceTimersByTimeAsync(100);
      }
      expect(loads).toBe(4);
      // Each stale answer is reported; the log has one line for each load that failed, the first of them by its event.
      expect(events).toEqual([fallback, ...Array(30).fill({ ...fallback, known: true })]);
      expect(warn.mock.calls).toEqual(Array(2).fill([{ err: away, cache: 'products' }, 'its source still fails']));
    });

    it('lets nobody wait for a source that fails slowly', async () => {
      await cache.getOrLoad(entry);
      await jest.advanceTimersByTimeAsync(1_000);
      const hanging = { ...entry, load: jest.fn(() => new Promise<unknown>(() => undefined)) };
      for (let count = 0; count < 3; count++) {
        expect(await cache.getOrLoad(hanging)).toMatchObject({ value: loaded(1), ttlMs: -3_000 });
      }
      expect(hanging.load).toHaveBeenCalledTimes(1);
    });

    it('is fresh again by itself when the source is back', async () => {
      await cache.getOrLoad(entry);
      away = undefined;
      await jest.advanceTimersByTimeAsync(1_000);
      expect(await cache.getOrLoad(entry)).toMatchObject({ value: loaded(1) });
      await jest.advanceTimersByTimeAsync(0);
      expect(await cache.getOrLoad(entry)).toMatchObject({ value: loaded(3), ageMs: 0 });
    });

    it('waits for a load again when the failure is long ago', async () => {
      await cache.getOrLoad(entry);
      away = undefined;
      await jest.advanceTimersByTimeAsync(30_000);
      expect(await cache.getOrLoad(entry)).toMatchObject({ value: loaded(3), asked: 'stale', ttlMs: 1_000 });
      expect(jest.getTimerCount()).toBe(0);
    });

    it('throws once the value is too old', async () => {
      await jest.advanceTimersByTimeAsync(57_900);
      expect(await cache.getOrLoad(entry)).toMatchObject({ ageMs: 60_900 });
      await jest.advanceTimersByTimeAsync(100);
      await expect(cache.getOrLoad(entry)).rejects.toBe(away);
    });

    it('throws where there never was a value', async () => {
      await expect(cache.getOrLoad({ ...entry, key: 'never' })).rejects.toBe(away);
      expect(events).toEqual([]);
    });

    it('throws where no stale value is wanted', async () => {
      await expect(cache.getOrLoad({ ...entry, staleMs: undefined })).rejects.toBe(away);
    });

    it('throws an answer, and forgets the value that it denies', async () => {
      const failure = away;
      away = new Error('no such product');
      await expect(cache.getOrLoad(entry)).rejects.toBe(away);
      away = failure;
      await expect(cache.getOrLoad(entry)).rejects.toBe(away);
      expect(events).toEqual([]);
    });

    it('keeps what it served last, even when the store goes away as well', async () => {
      await cache.getOrLoad(entry);
      jest.spyOn(store, 'get').mockImplementation(broken.get);
      for (let second = 1; second < 40; second++) {
        await jest.advanceTimersByTimeAsync(1_000);
        expect(await cache.getOrLoad(entry)).toMatchObject({ value: loaded(1) });
      }
      expect(loads).toBe(41);
    });
  });
});
