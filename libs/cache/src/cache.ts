import {
  currentDeadline,
  Deadline,
  isResilienceError,
  mayFallBack,
  type ResilienceEvents,
  runWithDeadline,
  withFallback,
} from '@app/resilience';
import { catalogue, counter, logger } from '@app/telemetry';
import type { CacheStore } from './stores/cache.store.js';

/** After a load has failed, stale values are given at once, and the source is asked again no sooner than after this. */
const pauseMs = 1_000;
/** A failure that is this old is forgotten: the next caller waits for a load again. */
const forgetMs = 30_000;

/** What may be cached: anything that JSON can carry. */
export interface CacheEntry<T> {
  /** Name of this kind of entry, such as `products`; a label of the metrics, so never a key. */
  name: string;
  /** Which entry of the kind. @default one entry only */
  key?: string;
  /** How long a value is fresh. */
  ttlMs: number;
  /** How long after that a value may still stand in for a load that fails. @default 0 */
  staleMs?: number;
  /** The client that `load` asks, for the count of fallbacks. @default name */
  client?: string;
  /** Whether what `load` threw is the source's answer, such as a 404: it is thrown, and the entry goes. @default never */
  isAnswer?(error: unknown): boolean;
  load(): Promise<T>;
}

/** A value, and where it comes from. All who ask at the same time share it: do not change it. */
export interface Cached<T> {
  readonly value: T;
  /** How long ago it was loaded. */
  readonly ageMs: number;
  /** How much longer it is fresh. Negative for a stale one. */
  readonly ttlMs: number;
  /** Why the source was asked for this answer, where it was: the cache had nothing, or only something stale. */
  readonly asked?: 'miss' | 'stale';
}

interface Stored<T> {
  /** When it was loaded, on the clock of `Date.now()`, which instances share. */
  at: number;
  value: T;
}

interface Failure {
  error: unknown;
  stored: Stored<unknown>;
  retryAt: number;
}

/**
 * Reads through: an entry that is fresh is returned, otherwise it is loaded, once for all who ask meanwhile.
 * A cache that fails costs a load, never an answer. A load that fails is answered with a stale value where there is one.
 */
export class Cache {
  private readonly underway = new Map<string, Promise<Cached<unknown>>>();
  /** Entries whose last load failed, and what is served meanwhile. */
  private readonly failures = new Map<string, Failure>();
  private readonly requests = counter(catalogue.cacheRequests);
  private readonly log = logger.child({ context: 'Cache' });

  constructor(
    private readonly store: CacheStore,
    private readonly events?: ResilienceEvents,
  ) {}

  /** @throws whatever `load` throws, where no stale value may stand in for it */
  getOrLoad<T>(entry: CacheEntry<T>): Promise<Cached<T>> {
    const { name, key = '', client = name, ttlMs, isAnswer } = entry;
    const id = `${name}:${key}`;
    const known = this.failures.get(id) as (Failure & { stored: Stored<T> }) | undefined;
    // Nobody waits for a source that is known to fail: this looks whether it is back.
    if (known && known.retryAt <= Date.now()) void this.look(id, entry);
    return withFallback(
      () => (known ? Promise.reject(known.error) : this.once(id, entry)),
      (error) => {
        const failure = known ?? (this.failures.get(id) as typeof known);
        if (!failure) throw error;
        return cached(failure.stored, ttlMs, known ? undefined : 'stale');
      },
      { client, kind: 'stale', isAnswer, known: known !== undefined, events: this.events },
    );
  }

  private async look<T>(id: string, entry: CacheEntry<T>): Promise<void> {
    try {
      await this.once(id, entry);
    } catch (error) {
      if (mayFallBack(error, entry.isAnswer))
        this.log.warn({ err: error, cache: entry.name }, 'its source still fails');
    }
  }

  private once<T>(id: string, entry: CacheEntry<T>): Promise<Cached<T>> {
    const underway = this.underway.get(id) as Promise<Cached<T>> | undefined;
    if (underway) return underway;
    const work = this.readOrLoad(id, entry).finally(() => this.underway.delete(id));
    this.underway.set(id, work);
    return work;
  }

  private async readOrLoad<T>(id: string, entry: CacheEntry<T>): Promise<Cached<T>> {
    const { name, ttlMs, staleMs = 0, isAnswer } = entry;
    const stored = await this.read<T>(id, entry);
    try {
      const fresh = stored && ageOf(stored) < ttlMs;
      const answer = fresh ? cached(stored, ttlMs) : await this.loadAndStore(id, entry, stored ? 'stale' : 'miss');
      this.failures.delete(id);
      return answer;
    } catch (error) {
      // Without the store, what was served last is still here.
      const last = stored ?? this.failures.get(id)?.stored;
      this.failures.delete(id);
      if (last && isAnswer?.(error)) await this.store.delete(id).catch((failure) => this.failed(name, failure));
      else if (last && mayFallBack(error)) this.remember(id, error, last, ttlMs + staleMs - ageOf(last));
      throw error;
    }
  }

  private async read<T>(id: string, { name, ttlMs }: CacheEntry<T>): Promise<Stored<T> | undefined> {
    try {
      const text = await this.store.get(id);
      const stored = text === undefined ? undefined : (JSON.parse(text) as Stored<T>);
      if (stored && typeof stored.at !== 'number') throw new TypeError(`${id} holds something else`);
      this.requests.inc({ cache: name, outcome: stored && ageOf(stored) < ttlMs ? 'hit' : 'miss' });
      return stored;
    } catch (error) {
      if (isResilienceError(error, 'circuit_open')) this.requests.inc({ cache: name, outcome: 'miss' });
      this.failed(name, error);
      return undefined;
    }
  }

  private async loadAndStore<T>(id: string, entry: CacheEntry<T>, asked: Cached<T>['asked']): Promise<Cached<T>> {
    const { name, ttlMs, staleMs = 0 } = entry;
    const value = await load(entry);
    const stored = { at: Date.now(), value };
    const answer = cached(stored, ttlMs, asked);
    await this.store.set(id, JSON.stringify(stored), ttlMs + staleMs).catch((error) => this.failed(name, error));
    return answer;
  }

  private remember(id: string, error: unknown, stored: Stored<unknown>, leftMs: number): void {
    if (leftMs <= 0) return;
    const failure = { error, stored, retryAt: Date.now() + pauseMs };
    this.failures.set(id, failure);
    setTimeout(() => this.failures.get(id) === failure && this.failures.delete(id), Math.min(forgetMs, leftMs)).unref();
  }

  private failed(name: string, error: unknown): void {
    // Nothing has failed where nothing was asked: the breaker has told why it is open.
    if (isResilienceError(error, 'circuit_open')) return;
    this.requests.inc({ cache: name, outcome: 'error' });
    this.log.warn({ err: error, cache: name }, 'the cache failed; doing without');
  }
}

/** A load is everyone's: it has the time that its first caller has, but does not end because that caller goes away. */
async function load<T>(entry: CacheEntry<T>): Promise<T> {
  const caller = currentDeadline();
  if (!caller) return entry.load();
  const deadline = new Deadline(caller.timeLeftMs, caller.name);
  try {
    return await runWithDeadline(deadline, () => entry.load());
  } finally {
    deadline.end();
  }
}

function cached<T>(stored: Stored<T>, ttlMs: number, asked?: Cached<T>['asked']): Cached<T> {
  const ageMs = ageOf(stored);
  return { value: stored.value, ageMs, ttlMs: ttlMs - ageMs, asked };
}

/** Clocks of instances differ a little: nothing is younger than new. */
function ageOf({ at }: Stored<unknown>): number {
  return Math.max(0, Date.now() - at);
}
