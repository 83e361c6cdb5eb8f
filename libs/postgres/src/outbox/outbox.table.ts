import { context, propagation } from '@opentelemetry/api';
import { type ColumnType, type Generated, type Kysely, sql, type Transaction } from 'kysely';

type Json = ColumnType<Record<string, unknown>, string, never>;

/** Events that wait for delivery. A row is written in the transaction that makes its event true, and goes when it has been delivered. */
export interface OutboxTable {
  id: Generated<number>;
  topic: string;
  payload: Json;
  /** Trace that wrote the event; its delivery links to it. */
  traceparent: string | null;
  /** Deliveries begun. It also fences: a worker whose lease ran out finds another number here. */
  attempts: Generated<number>;
  /** When the row may be taken up. A worker that takes it up moves this to the end of its lease. */
  available_at: ColumnType<Date, Date | undefined, Date>;
  /** Set when its handler declared it undeliverable: the row waits for a person. */
  parked_at: ColumnType<Date | null, undefined, Date>;
  last_error: ColumnType<string | null, undefined, string>;
}

export interface OutboxTables {
  outbox: OutboxTable;
}

export interface OutboxEvent {
  topic: string;
  payload: Record<string, unknown>;
  /** Not before this long from now. @default 0 */
  delayMs?: number;
}

/** Writes an event in the caller's transaction: it is delivered if, and only if, that transaction commits. */
export async function addToOutbox<T extends OutboxTables>(trx: Transaction<T>, event: OutboxEvent): Promise<void> {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  await (trx as unknown as Transaction<OutboxTables>)
    .insertInto('outbox')
    .values({
      topic: event.topic,
      payload: JSON.stringify(event.payload),
      traceparent: carrier.traceparent ?? null,
      available_at: sql<Date>`now() + ${event.delayMs ?? 0} * interval '1 millisecond'`,
    })
    .execute();
}

/** For a migration of the service that uses an outbox. */
export async function createOutboxTable(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table outbox (
      id bigint generated always as identity primary key,
      topic text not null,
      payload jsonb not null,
      traceparent text,
      attempts integer not null default 0,
      available_at timestamptz not null default now(),
      parked_at timestamptz,
      last_error text
    )`.execute(db);
  await sql`create index outbox_due on outbox (available_at) where parked_at is null`.execute(db);
}
