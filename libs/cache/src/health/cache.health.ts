import { randomUUID } from 'node:crypto';
import { HealthCheck, type HealthReason, type HealthResult } from '@app/health';
import { isResilienceError } from '@app/resilience';
import type { CacheStore } from '../stores/cache.store.js';

/** The entry's key is this instance's own, so that instances do not read what another one wrote. */
const key = `health:${randomUUID()}`;
const ttlMs = 60_000;

/** Whether the cache takes a value and gives it back. Without it every read is a load: degraded, never down. */
@HealthCheck({ name: 'cache' })
export class CacheHealth {
  /** Why it was not well when it was last asked: while the breaker is open, that is still so. */
  private last?: HealthReason;

  constructor(private readonly store: CacheStore) {}

  async check(): Promise<HealthResult> {
    const written = randomUUID();
    try {
      await this.store.set(key, written, ttlMs);
      const read = await this.store.get(key);
      this.last = undefined;
      return read === written ? { status: 'ok' } : { status: 'degraded', reason: 'failed' };
    } catch (cause) {
      if (!isResilienceError(cause, 'circuit_open')) this.last = reasonOf(cause);
      return { status: 'degraded', reason: this.last ?? 'circuit_open', cause };
    }
  }
}

/** How Redis begins an error. @see https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors */
const reasons: Record<string, HealthReason> = {
  READONLY: 'read_only',
  NOREPLICAS: 'read_only',
  MISCONF: 'read_only',
  OOM: 'full',
  NOAUTH: 'refused',
  WRONGPASS: 'refused',
  NOPERM: 'refused',
};

function reasonOf(error: unknown): HealthReason {
  if (isResilienceError(error)) return 'timeout';
  const [, prefix] = /^([A-Z]+) /.exec((error as Error).message) ?? [];
  return prefix ? (reasons[prefix] ?? 'failed') : 'unreachable';
}
