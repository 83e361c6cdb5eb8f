import { createIdempotencyTable } from '@app/postgres';
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table payments (
      id uuid primary key,
      order_id uuid not null,
      amount bigint not null check (amount > 0),
      currency text not null,
      method text not null,
      status text not null check (status in ('authorised', 'declined')),
      created_at timestamptz not null default now()
    )`.execute(db);
  await createIdempotencyTable(db);
}
