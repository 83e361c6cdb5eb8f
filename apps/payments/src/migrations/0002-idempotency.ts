import { createIdempotencyTable } from '@app/postgres';
import { type Kysely, sql } from 'kysely';

/**
 * Keys move to a table of their own, with the answers that they got, so that no request from before is charged again. Instances of the
 * version before cannot write payments any more once this has run.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createIdempotencyTable(db);
  await sql`lock table payments in access exclusive mode`.execute(db);
  await sql`
    insert into idempotency_keys (route, caller, key, fingerprint, expires_at, status, body)
    select 'POST /payments', '', idempotency_key,
      encode(sha256(convert_to(
        '/payments' || E'\n' || format(
          '{"amount":%s,"currency":"%s","method":"%s","orderId":"%s"}', amount, currency, method, order_id),
        'UTF8')), 'hex'),
      now() + interval '7 days', 201, format('{"id":"%s","status":"%s"}', id, status)
    from payments`.execute(db);
  await sql`alter table payments drop column idempotency_key`.execute(db);
}
