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

  authorise({ orderId, amount, currency, method }: CreatePayment): Promise<Payment> {
    return this.db
      .insertInto('payments')
      .values({
        id: randomUUID(),
        order_id: orderId,
        amount,
        currency,
        method,
        status: method === 'card' ? 'authorised' : 'declined',
      })
      .returning(['id', 'status'])
      .executeTakeFirstOrThrow();
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
