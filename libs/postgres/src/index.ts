export { IdempotencyModule, type IdempotencyModuleOptions } from './idempotency/idempotency.module.js';
export { type IdempotencyOptions, idempotencyEnv } from './idempotency/idempotency.options.js';
export { createIdempotencyTable } from './idempotency/idempotency.table.js';
export { Idempotent, type IdempotentOptions, type IdempotentRequest } from './idempotency/idempotent.interceptor.js';
export { type Migration, MigrationBlockedError, MigrationRunningError, migrate } from './migrate.js';
export { type OutboxOptions, outboxEnv } from './outbox/outbox.options.js';
export {
  addToOutbox,
  createOutboxTable,
  type OutboxEvent,
  type OutboxTable,
  type OutboxTables,
} from './outbox/outbox.table.js';
export { type OutboxHandler, OutboxWorker, PermanentFailureError } from './outbox/outbox.worker.js';
export { PostgresUnavailableError } from './postgres.errors.js';
export { connectPostgres, PostgresModule, type PostgresModuleOptions } from './postgres.module.js';
export { type PostgresOptions, postgresEnv } from './postgres.options.js';
