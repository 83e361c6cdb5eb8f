import { ResilienceClients, ResilienceEvents } from '@app/resilience';
import { type DynamicModule, type FactoryProvider, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Cache } from './cache.js';
import type { CacheOptions } from './cache.options.js';
import { CacheHealth } from './health/cache.health.js';
import type { CacheStore } from './stores/cache.store.js';
import { MemoryStore } from './stores/memory.store.js';
import { RedisStore } from './stores/redis.store.js';

export interface CacheModuleOptions {
  inject?: FactoryProvider['inject'];
  useFactory(...injected: never[]): CacheOptions;
}

const STORE = Symbol('CacheStore');

/** Provides {@link Cache}: in Redis where `REDIS_URL` is set, in memory elsewhere. */
@Module({})
export class CacheModule implements OnApplicationShutdown {
  static registerAsync({ inject = [], useFactory }: CacheModuleOptions): DynamicModule {
    return {
      module: CacheModule,
      global: true,
      providers: [
        {
          provide: STORE,
          inject: [
            { token: ResilienceEvents, optional: true },
            { token: ResilienceClients, optional: true },
            ...inject,
          ],
          useFactory: (events?: ResilienceEvents, clients?: ResilienceClients, ...injected: never[]) =>
            createStore(useFactory(...injected), events, clients),
        },
        { provide: CacheHealth, inject: [STORE], useFactory: (store: CacheStore) => new CacheHealth(store) },
        {
          provide: Cache,
          inject: [STORE, { token: ResilienceEvents, optional: true }],
          useFactory: (store: CacheStore, events?: ResilienceEvents) => new Cache(store, events),
        },
      ],
      exports: [Cache],
    };
  }

  constructor(@Inject(STORE) private readonly store: CacheStore) {}

  onApplicationShutdown(): Promise<void> {
    return this.store.close();
  }
}

function createStore(options: CacheOptions, events?: ResilienceEvents, clients?: ResilienceClients): CacheStore {
  if (!options.redisUrl) return new MemoryStore(options.maxEntries);
  const store = new RedisStore(options.redisUrl, options, events);
  clients?.set(store.pipeline.client, store.pipeline);
  return store;
}
