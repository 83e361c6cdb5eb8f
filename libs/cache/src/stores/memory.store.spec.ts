import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryStore } from './memory.store.js';

describe('MemoryStore', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const have = async (store: MemoryStore, ...keys: string[]) => {
    const found: string[] = [];
    for (const key of keys) if ((await store.get(key)) !== undefined) found.push(key);
    return found;
  };

  it('gives what was put in, for as long as it was told', async () => {
    const store = new MemoryStore(10);
    await store.set('a', 'one', 1_000);
    jest.advanceTimersByTime(999);
    expect(await store.get('a')).toBe('one');
    jest.advanceTimersByTime(1);
    expect(await store.get('a')).toBeUndefined();
    expect(await store.get('b')).toBeUndefined();
  });

  it('counts the time from the last write', async () => {
    const store = new MemoryStore(10);
    await store.set('a', 'one', 1_000);
    jest.advanceTimersByTime(600);
    await store.set('a', 'two', 1_000);
    jest.advanceTimersByTime(600);
    expect(await store.get('a')).toBe('two');
  });

  it('holds no more than it may', async () => {
    const store = new MemoryStore(2);
    for (const key of ['a', 'b', 'c']) await store.set(key, key, 1_000);
    expect(await have(store, 'a', 'b', 'c')).toEqual(['b', 'c']);
  });

  it('parts with the entry that was read longest ago', async () => {
    const store = new MemoryStore(2);
    await store.set('a', 'a', 1_000);
    await store.set('b', 'b', 1_000);
    await store.get('a');
    await store.set('c', 'c', 1_000);
    expect(await have(store, 'a', 'b', 'c')).toEqual(['a', 'c']);
  });

  it('parts with nothing when it writes an entry again', async () => {
    const store = new MemoryStore(2);
    for (const key of ['a', 'b', 'b']) await store.set(key, key, 1_000);
    expect(await have(store, 'a', 'b')).toEqual(['a', 'b']);
  });

  it('forgets what is deleted', async () => {
    const store = new MemoryStore(2);
    await store.set('a', 'a', 1_000);
    await store.delete('a');
    expect(await store.get('a')).toBeUndefined();
  });

  it('is empty once it is closed', async () => {
    const store = new MemoryStore(2);
    await store.set('a', 'a', 1_000);
    await store.close();
    expect(await store.get('a')).toBeUndefined();
  });
});
