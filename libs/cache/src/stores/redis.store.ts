import { Pipeline, type ResilienceEvents } from '@app/resilience';
import { logger, serviceIdentity } from '@app/telemetry';
import { createClient, ErrorReply } from 'redis';
import type { CacheOptions } from '../cache.options.js';
import type { CacheStore } from './cache.store.js';

/**
 * Entries in Redis, shared by all instances of the service. A command fails within its timeout, also where Redis is frozen; too many
 * failures, and none is sent for a while. While Redis is away, commands fail at once instead of queueing.
 */
export class RedisStore implements CacheStore {
  private readonly client;
  private readonly prefix = `${serviceIdentity().name}:`;

  readonly pipeline: Pipeline;

  constructor(
    url: string,
    { timeoutMs, openMs }: Pick<CacheOptions, 'timeoutMs' | 'openMs'>,
    events?: ResilienceEvents,
  ) {
    this.pipeline = new Pipeline(
      'redis',
      {
        totalTimeoutMs: timeoutMs,
        attemptTimeoutMs: timeoutMs,
        retry: false,
        bulkhead: false,
        circuitBreaker: { windowMs: 10_000, openMs, maxOpenMs: openMs, halfOpenProbes: 1 },
      },
      events,
    );
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
    return (await this.command(() => this.client.get(this.prefix + key))) ?? undefined;
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    await this.command(() => this.client.set(this.prefix + key, value, { expiration: { type: 'PX', value: ttlMs } }));
  }

  async delete(key: string): Promise<void> {
    await this.command(() => this.client.del(this.prefix + key));
  }

  /** An error that Redis answers with shows that it is there: only its absence counts against it. */
  private async command<T>(send: () => Promise<T>): Promise<T> {
    const answer = await this.pipeline.execute<{ value: T } | { error: ErrorReply }>(async () => {
      try {
        return { value: await send() };
      } catch (error) {
        if (error instanceof ErrorReply) return { error };
        throw error;
      }
    });
    if ('error' in answer) throw answer.error;
    return answer.value;
  }

  async close(): Promise<void> {
    this.client.destroy();
  }
}
