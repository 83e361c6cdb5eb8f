import type { CacheStore } from './cache.store.js';

interface Entry {
  value: string;
  expiresAt: number;
}

/** Entries in this process' memory. When it is full, the one that was read longest ago goes. */
export class MemoryStore implements CacheStore {
  /** A Map remembers the order of insertion; reading an entry inserts it anew. */
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly maxEntries: number) {}

  async get(key: string): Promise<string | undefined> {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    this.entries.delete(key);
    if (entry.expiresAt <= Date.now()) return undefined;
    this.entries.set(key, entry);
    return entry.value;
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    this.entries.delete(key);
    if (this.entries.size >= this.maxEntries) this.entries.delete(this.entries.keys().next().value as string);
    this.entries.set(key, { value, expiresAt: Date.now() + ttlMs });
  }

  async delete(key: string): Promise<void> {
    this.entries.delete(key);
  }

  async close(): Promise<void> {
    this.entries.clear();
  }
}
