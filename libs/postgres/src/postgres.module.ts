import { ResilienceClients, ResilienceEvents } from '@app/resilience';
import { type DynamicModule, type FactoryProvider, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { DeadlinePool } from './deadline.pool.js';
import { DataDiskHealth } from './health/data-disk.health.js';
import { PostgresHealth } from './health/postgres.health.js';
import type { PostgresOptions } from './postgres.options.js';
import { createPool } from './postgres.pool.js';
import { SharingDialect } from './shared-transaction.js';

export interface PostgresModuleOptions {
  inject?: FactoryProvider['inject'];
  useFactory(...injected: never[]): PostgresOptions;
  /** A table that the service cannot do without: it is not ready on a database that was not migrated. */
  requiresTable: string;
}

/** The database for a script; whoever calls this ends it with `destroy()`. Services import {@link PostgresModule}. */
export function connectPostgres<Tables>(options: PostgresOptions): Kysely<Tables> {
  return new Kysely({ dialect: new SharingDialect({ pool: createPool(options) }) });
}

/** What the room's own providers are made with. */
export class PostgresConnection {
  readonly pool: DeadlinePool;
  readonly db: Kysely<unknown>;

  constructor(
    readonly options: PostgresOptions,
    readonly tables: Set<string>,
    events?: ResilienceEvents,
  ) {
    this.pool = createPool(options, events);
    this.db = new Kysely({ dialect: new SharingDialect({ pool: this.pool }) });
  }
}

/** Provides `Kysely` for the service's database. Inject it with the types of its tables: `db: Kysely<OrdersTables>`. */
@Module({})
export class PostgresModule implements OnApplicationShutdown {
  static registerAsync({ inject = [], useFactory, requiresTable }: PostgresModuleOptions): DynamicModule {
    return {
      module: PostgresModule,
      global: true,
      providers: [
        {
          provide: PostgresConnection,
          inject: [
            { token: ResilienceEvents, optional: true },
            { token: ResilienceClients, optional: true },
            ...inject,
          ],
          useFactory: (events?: ResilienceEvents, clients?: ResilienceClients, ...injected: never[]) => {
            const connection = new PostgresConnection(useFactory(...injected), new Set([requiresTable]), events);
            clients?.set(connection.pool.breaker.client, connection.pool);
            return connection;
          },
        },
        { provide: Kysely, inject: [PostgresConnection], useFactory: ({ db }: PostgresConnection) => db },
        {
          provide: PostgresHealth,
          inject: [PostgresConnection],
          useFactory: (connection: PostgresConnection) => new PostgresHealth(connection),
        },
        {
          provide: DataDiskHealth,
          inject: [PostgresConnection],
          useFactory: ({ options: { dataDir } }: PostgresConnection) => dataDir && new DataDiskHealth(dataDir),
        },
      ],
      exports: [Kysely, PostgresConnection],
    };
  }

  constructor(private readonly connection: PostgresConnection) {}

  async onApplicationShutdown(): Promise<void> {
    await this.connection.db.destroy();
  }
}
