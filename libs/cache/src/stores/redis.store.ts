import { logger, serviceIdentity } from '@app/telemetry';
import { createClient } from 'redis';
import type { CacheStore } from './cache.store.js';

/** Entries in Redis, shared by all instances of the service. While Redis is away, commands fail at once instead of queueing. */
export class RedisStore implements CacheStore {
  private readonly client;
  private readonly prefix = `${serviceIdentity().name}:`;

  constructor(url: string, timeoutMs: number) {
    const log = logger.child({ context: 'Redis' });
    this.client = createClient({
      url,
      disableOfflineQueue: true,
      commandsQueueMaxLength: 1_000,
      commandOptions: { timeout: timeoutMs },
      socket: {
        connectTimeout: timeoutMs,
        reconnectStrategy: (retries) => Math.random() * Math.min(5_000, 50 * 2 ** retries),
      },
    });
    this.client.on('error', (error) => log.warn({ err: error }, 'Redis is not reachable'));
    this.client.on('ready', () => log.info('connected to Redis'));
    this.client.connect().catch(() => undefined); // The error event has told of it, and it goes on trying.
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.client.get(this.prefix + key)) ?? undefined;
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    await this.client.set(this.prefix + key, value, { expiration: { type: 'PX', value: ttlMs } });
  }

  async close(): Promise<void> {
    this.client.destroy();
  }
}
