import { type DynamicModule, type FactoryProvider, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { DeadlinePool } from './deadline.client.js';
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
  ) {
    this.pool = createPool(options);
    this.db = new Kysely({ dialect: new SharingDialect({ pool: this.pool }) });
  }
}

/** Provides `Kysely` for the service's database. Inject it with the types of its tables: `db: Kysely<OrdersTables>`. */
@Module({})
export class PostgresModule implements OnApplicationShutdown {
  static registerAsync({ inject, useFactory, requiresTable }: PostgresModuleOptions): DynamicModule {
    return {
      module: PostgresModule,
      global: true,
      providers: [
        {
          provide: PostgresConnection,
          inject,
          useFactory: (...injected: never[]) =>
            new PostgresConnection(useFactory(...injected), new Set([requiresTable])),
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
