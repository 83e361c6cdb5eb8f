import { logger, serviceIdentity } from '@app/telemetry';
import { createClient } from 'redis';
import type { CacheStore } from './cache.store.js';

/** Entries in Redis, shared by all instances of the service. While Redis is away, commands fail at once instead of queueing. */
export class RedisStore implements CacheStore {
  private readonly client;
  private readonly prefix = `${serviceIdentity().name}:`;

  constructor(
    url: string,
    private readonly timeoutMs: number,
  ) {
    const log = logger.child({ context: 'Redis' });
    this.client = createClient({
      url,
      disableOfflineQueue: true,
      commandsQueueMaxLength: 1_000,
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
    return (await this.bounded(this.client.get(this.prefix + key))) ?? undefined;
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    await this.bounded(this.client.set(this.prefix + key, value, { expiration: { type: 'PX', value: ttlMs } }));
  }

  async delete(key: string): Promise<void> {
    await this.bounded(this.client.del(this.prefix + key));
  }

  /** node-redis' own timeout covers a command only until it is written: a Redis that is frozen would be waited for without end. */
  private async bounded<T>(command: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      const late = Object.assign(new Error(`Redis took longer than ${this.timeoutMs} ms`), { code: 'ETIMEDOUT' });
      timer = setTimeout(() => reject(late), this.timeoutMs);
    });
    try {
      return await Promise.race([command, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    this.client.destroy();
  }
}
