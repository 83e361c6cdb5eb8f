import type { Kysely } from 'kysely';

export interface Tables {
  orders: { id: number; status: string; amount: number };
}

/** The SQL read, the same for everybody. */
export function findRow(db: Kysely<Tables>, id: string) {
  return db.selectFrom('orders').select(['id', 'status', 'amount']).where('id', '=', Number(id)).executeTakeFirst();
}
