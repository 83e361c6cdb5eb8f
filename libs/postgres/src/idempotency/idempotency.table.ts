import { type Kysely, sql } from 'kysely';

/** Keys with the answers that they got. A row is written in the transaction that holds the effects of its request. */
export interface IdempotencyTables {
  idempotency_keys: {
    /** Method and route template. */
    route: string;
    caller: string;
    key: string;
    /** SHA-256 of the path and body of the request that the key belongs to. */
    fingerprint: string;
    expires_at: Date;
    /** The answer: its status, and its body as JSON, null without one. */
    status: number | null;
    body: string | null;
  };
}

/** For a migration of the service that has idempotent handlers. */
export async function createIdempotencyTable(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table idempotency_keys (
      route text not null,
      caller text not null,
      key text not null,
      fingerprint text not null,
      expires_at timestamptz not null,
      status smallint,
      body text,
      primary key (route, caller, key)
    )`.execute(db);
  await sql`create index idempotency_keys_expiry on idempotency_keys (expires_at)`.execute(db);
}
