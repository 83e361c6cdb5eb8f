import { type DynamicModule, type FactoryProvider, Module } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { IdempotencyOptions } from './idempotency.options.js';
import { IdempotencyStore } from './idempotency.store.js';
import type { IdempotencyTables } from './idempotency.table.js';

export interface IdempotencyModuleOptions {
  inject?: FactoryProvider['inject'];
  useFactory(...injected: never[]): IdempotencyOptions;
}

/** What `@Idempotent()` keeps its keys in: a table of the service's database, which `PostgresModule` provides. */
@Module({})
export class IdempotencyModule {
  static registerAsync({ inject = [], useFactory }: IdempotencyModuleOptions): DynamicModule {
    const store = {
      provide: IdempotencyStore,
      inject: [Kysely, ...inject],
      useFactory: (db: Kysely<IdempotencyTables>, ...injected: never[]) =>
        new IdempotencyStore(db, useFactory(...injected)),
    };
    return { module: IdempotencyModule, global: true, providers: [store], exports: [store] };
  }
}
