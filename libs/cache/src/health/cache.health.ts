import { randomUUID } from 'node:crypto';
import { HealthCheck, type HealthReason, type HealthResult } from '@app/health';
import type { CacheStore } from '../stores/cache.store.js';

/** The entry's key is this instance's own, so that instances do not read what another one wrote. */
const key = `health:${randomUUID()}`;
const ttlMs = 60_000;

/** Whether the cache takes a value and gives it back. Without it every read is a load: degraded, never down. */
@HealthCheck({ name: 'cache' })
export class CacheHealth {
  constructor(private readonly store: CacheStore) {}

  async check(): Promise<HealthResult> {
    const written = randomUUID();
    try {
      await this.store.set(key, written, ttlMs);
      const read = await this.store.get(key);
      return read === written ? { status: 'ok' } : { status: 'degraded', reason: 'failed' };
    } catch (cause) {
      return { status: 'degraded', reason: reasonOf(cause), cause };
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
  const { code, message } = error as Error & { code?: string };
  if (code === 'ETIMEDOUT') return 'timeout';
  const [, prefix] = /^([A-Z]+) /.exec(message) ?? [];
  return prefix ? (reasons[prefix] ?? 'failed') : 'unreachable';
}
