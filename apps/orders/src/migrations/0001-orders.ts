import { createOutboxTable } from '@app/postgres';
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table products (
      sku text primary key,
      name text not null,
      price_amount bigint not null check (price_amount > 0),
      currency text not null check (currency = 'EUR'),
      stock integer not null check (stock >= 0)
    )`.execute(db);
  await sql`
    create table orders (
      id uuid primary key,
      idempotency_key text not null unique,
      request jsonb not null,
      status text not null check (status in ('pending', 'paid', 'declined')),
      total_amount bigint not null check (total_amount > 0),
      currency text not null,
      payment_method text not null,
      created_at timestamptz not null default now()
    )`.execute(db);
  await sql`
    create table order_items (
      order_id uuid not null references orders,
      sku text not null references products,
      quantity integer not null check (quantity > 0),
      price_amount bigint not null,
      primary key (order_id, sku)
    )`.execute(db);
  await createOutboxTable(db);
}
