import { isResilienceError } from '@app/resilience';
import {
  type DynamicModule,
  type FactoryProvider,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { PostgresUnavailableError } from './postgres.errors.js';
import type { PostgresOptions } from './postgres.options.js';
import { createPool } from './postgres.pool.js';

export interface PostgresModuleOptions {
  inject?: FactoryProvider['inject'];
  useFactory(...injected: never[]): PostgresOptions;
  /** A table that the service cannot do without: it refuses to start on a database that was not migrated. */
  requiresTable: string;
}

/** The database for a script; whoever calls this ends it with `destroy()`. Services import {@link PostgresModule}. */
export function connectPostgres<Tables>(options: PostgresOptions): Kysely<Tables> {
  return new Kysely({ dialect: new PostgresDialect({ pool: createPool(options) }) });
}

/** What the module's own providers were made with. */
class PostgresConnection {
  readonly db: Kysely<unknown>;

  constructor(
    readonly options: PostgresOptions,
    readonly requiresTable: string,
  ) {
    this.db = connectPostgres(options);
  }
}

/** Provides `Kysely` for the service's database. Inject it with the types of its tables: `db: Kysely<OrdersTables>`. */
@Module({})
export class PostgresModule implements OnModuleInit, OnApplicationShutdown {
  static registerAsync({ inject, useFactory, requiresTable }: PostgresModuleOptions): DynamicModule {
    return {
      module: PostgresModule,
      global: true,
      providers: [
        {
          provide: PostgresConnection,
          inject,
          useFactory: (...injected: never[]) => new PostgresConnection(useFactory(...injected), requiresTable),
        },
        { provide: Kysely, inject: [PostgresConnection], useFactory: ({ db }: PostgresConnection) => db },
      ],
      exports: [Kysely],
    };
  }

  constructor(private readonly connection: PostgresConnection) {}

  /** @throws PostgresUnavailableError when the database cannot be used as it is */
  async onModuleInit(): Promise<void> {
    const { db, options, requiresTable } = this.connection;
    await sql`select from ${sql.table(requiresTable)} limit 0`.execute(db).catch((error) => {
      throw new PostgresUnavailableError(options.url, isResilienceError(error) ? error.cause : error);
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.connection.db.destroy();
  }
}
