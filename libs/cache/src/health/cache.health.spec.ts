import { ResilienceError } from '@app/resilience';
import { describe, expect, it } from '@jest/globals';
import type { CacheStore } from '../stores/cache.store.js';
import { MemoryStore } from '../stores/memory.store.js';
import { CacheHealth } from './cache.health.js';

/** A store whose writes fail as Redis fails them. */
class FailingStore extends MemoryStore {
  constructor(public error: Error) {
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
    const late = new ResilienceError({ code: 'attempt_timeout', client: 'redis' });
    expect(await healthOf(new FailingStore(late))).toMatchObject({ status: 'degraded', reason: 'timeout' });
  });

  it('is degraded while the breaker is open, for the reason that it was before', async () => {
    const open = new ResilienceError({ code: 'circuit_open', client: 'redis' });
    expect(await healthOf(new FailingStore(open))).toMatchObject({ status: 'degraded', reason: 'circuit_open' });
    const store = new FailingStore(new Error('The client is offline'));
    const health = new CacheHealth(store);
    await health.check();
    store.error = open;
    expect(await health.check()).toMatchObject({ status: 'degraded', reason: 'unreachable' });
  });

  it('is degraded where what was written does not come back', async () => {
    const forgetful = new MemoryStore(1);
    forgetful.get = async () => undefined;
    expect(await healthOf(forgetful)).toMatchObject({ status: 'degraded', reason: 'failed' });
  });
});
