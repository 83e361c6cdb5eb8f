import { randomUUID } from 'node:crypto';
import { ProblemException } from '@app/service';
import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import { z } from 'zod';
import type { CreatePayment, Payment } from './payments.schemas.js';
import type { PaymentsTables } from './payments.tables.js';

@Injectable()
export class PaymentsService {
  constructor(private readonly db: Kysely<PaymentsTables>) {}

  /** Authorises once for each key: asked again with the same payment it gives the first answer again. */
  async authorise(idempotencyKey: string, { orderId, amount, currency, method }: CreatePayment): Promise<Payment> {
    const made = await this.db
      .insertInto('payments')
      .values({
        id: randomUUID(),
        idempotency_key: idempotencyKey,
        order_id: orderId,
        amount,
        currency,
        method,
        status: method === 'card' ? 'authorised' : 'declined',
      })
      .onConflict((conflict) => conflict.column('idempotency_key').doNothing())
      .returning(['id', 'status'])
      .executeTakeFirst();
    if (made) return made;

    const first = await this.db
      .selectFrom('payments')
      .selectAll()
      .where('idempotency_key', '=', idempotencyKey)
      .executeTakeFirstOrThrow();
    const same =
      first.order_id === orderId && first.amount === amount && first.currency === currency && first.method === method;
    if (!same) {
      throw new ProblemException({
        status: 422,
        code: 'idempotency_key_reused',
        detail: 'This Idempotency-Key belongs to another payment.',
      });
    }
    return { id: first.id, status: first.status };
  }

  async find(id: string): Promise<Payment> {
    const found = z.uuid().safeParse(id).success
      ? await this.db.selectFrom('payments').select(['id', 'status']).where('id', '=', id).executeTakeFirst()
      : undefined;
    if (!found)
      throw new ProblemException({ status: 404, code: 'payment_not_found', detail: `There is no payment ${id}.` });
    return found;
  }
}
