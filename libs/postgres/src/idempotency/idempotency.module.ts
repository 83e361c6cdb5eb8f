import { type DynamicModule, type FactoryProvider, Module } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { PostgresConnection } from '../postgres.module.js';
import type { IdempotencyOptions } from './idempotency.options.js';
import { IdempotencyStore } from './idempotency.store.js';
import type { IdempotencyTables } from './idempotency.table.js';

export interface IdempotencyModuleOptions {
  inject?: FactoryProvider['inject'];
  useFactory(...injected: never[]): IdempotencyOptions;
}

/**
 * What `@Idempotent()` keeps its keys in: a table of the service's database, which `PostgresModule` provides. Without the table the
 * service is not ready.
 */
@Module({})
export class IdempotencyModule {
  static registerAsync({ inject = [], useFactory }: IdempotencyModuleOptions): DynamicModule {
    const store = {
      provide: IdempotencyStore,
      inject: [PostgresConnection, ...inject],
      useFactory: ({ db, tables }: PostgresConnection, ...injected: never[]) => {
        tables.add('idempotency_keys');
        return new IdempotencyStore(db as unknown as Kysely<IdempotencyTables>, useFactory(...injected));
      },
    };
    return { module: IdempotencyModule, global: true, providers: [store], exports: [store] };
  }
}
