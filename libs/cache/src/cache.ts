import { catalogue, counter, logger } from '@app/telemetry';
import type { CacheStore } from './stores/cache.store.js';

/** What may be cached: anything that JSON can carry. */
export interface CacheEntry<T> {
  /** Name of this kind of entry, such as `products`; a label of the metrics, so never a key. */
  name: string;
  /** Which entry of the kind. @default one entry only */
  key?: string;
  ttlMs: number;
  load(): Promise<T>;
}

/**
 * Reads through: an entry that is there is returned, otherwise it is loaded, once for all who ask meanwhile.
 * A cache that fails costs a load, never an answer. Failed loads are not cached.
 */
export class Cache {
  private readonly loading = new Map<string, Promise<unknown>>();
  private readonly requests = counter(catalogue.cacheRequests);
  private readonly log = logger.child({ context: 'Cache' });

  constructor(private readonly store: CacheStore) {}

  async getOrLoad<T>(entry: CacheEntry<T>): Promise<T> {
    const key = `${entry.name}:${entry.key ?? ''}`;
    const underway = this.loading.get(key) as Promise<T> | undefined;
    if (underway) return underway;
    const work = this.readOrLoad(key, entry).finally(() => this.loading.delete(key));
    this.loading.set(key, work);
    return work;
  }

  private async readOrLoad<T>(key: string, { name, ttlMs, load }: CacheEntry<T>): Promise<T> {
    try {
      const stored = await this.store.get(key);
      this.requests.inc({ cache: name, outcome: stored === undefined ? 'miss' : 'hit' });
      if (stored !== undefined) return JSON.parse(stored) as T;
    } catch (error) {
      this.failed(name, error);
    }
    const value = await load();
    await this.store.set(key, JSON.stringify(value), ttlMs).catch((error) => this.failed(name, error));
    return value;
  }

  private failed(name: string, error: unknown): void {
    this.requests.inc({ cache: name, outcome: 'error' });
    this.log.warn({ err: error, cache: name }, 'the cache failed; doing without');
  }
}
