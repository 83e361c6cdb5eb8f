import { describe, expect, it } from '@jest/globals';
import type { CacheStore } from '../stores/cache.store.js';
import { MemoryStore } from '../stores/memory.store.js';
import { CacheHealth } from './cache.health.js';

/** A store whose writes fail as Redis fails them. */
class FailingStore extends MemoryStore {
  constructor(private readonly error: Error) {
    super(1);
  }

  override set(): Promise<void> {
    return Promise.reject(this.error);
  }
}

describe('the health of the cache', () => {
  const healthOf = (store: CacheStore) => new CacheHealth(store).check();

  it('is good where it gives back what it has taken', async () => {
    expect(await healthOf(new MemoryStore(10))).toEqual({ status: 'ok' });
  });

  it.each([
    ["READONLY You can't write against a read only replica.", 'read_only'],
    ['NOREPLICAS Not enough good replicas to write.', 'read_only'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'full'],
    ['NOAUTH Authentication required.', 'refused'],
    ['ERR something else', 'failed'],
    ['The client is offline', 'unreachable'],
  ])('is degraded where a write is answered with %s', async (message, reason) => {
    expect(await healthOf(new FailingStore(new Error(message)))).toMatchObject({ status: 'degraded', reason });
  });

  it('is degraded where the write takes too long', async () => {
    const late = Object.assign(new Error('Redis took longer than 200 ms'), { code: 'ETIMEDOUT' });
    expect(await healthOf(new FailingStore(late))).toMatchObject({ status: 'degraded', reason: 'timeout' });
  });

  it('is degraded where what was written does not come back', async () => {
    const forgetful = new MemoryStore(1);
    forgetful.get = async () => undefined;
    expect(await healthOf(forgetful)).toMatchObject({ status: 'degraded', reason: 'failed' });
  });
});
