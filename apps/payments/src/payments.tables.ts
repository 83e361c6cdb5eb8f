import type { Generated } from 'kysely';

export interface PaymentsTables {
  payments: {
    id: string;
    order_id: string;
    amount: number;
    currency: string;
    method: 'card' | 'card-declined';
    status: 'authorised' | 'declined';
    created_at: Generated<Date>;
  };
}
