import type { OutboxTables } from '@app/postgres';
import type { ColumnType, Generated } from 'kysely';

export type OrderStatus = 'pending' | 'paid' | 'declined';

export interface OrdersTables extends OutboxTables {
  products: {
    sku: string;
    name: string;
    price_amount: number;
    currency: string;
    stock: number;
  };
  orders: {
    id: string;
    idempotency_key: string;
    /** What was asked, to tell a repeated request from another one with the same key. */
    request: ColumnType<Record<string, unknown>, string, never>;
    status: OrderStatus;
    total_amount: number;
    currency: string;
    payment_method: 'card' | 'card-declined';
    created_at: Generated<Date>;
  };
  order_items: {
    order_id: string;
    sku: string;
    quantity: number;
    price_amount: number;
  };
}
