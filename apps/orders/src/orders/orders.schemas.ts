import { z } from 'zod';
import { moneySchema, skuSchema } from '../products/products.schemas.js';

const itemSchema = z.strictObject({ sku: skuSchema, quantity: z.int().min(1).max(1_000) });

export const createOrderSchema = z.strictObject({
  items: z
    .array(itemSchema)
    .min(1)
    .max(50)
    .refine((items) => new Set(items.map(({ sku }) => sku)).size === items.length, 'names a product twice'),
  paymentMethod: z
    .enum(['card', 'card-declined'])
    .default('card')
    .describe('card-declined is always declined, for trying it out.'),
});
export type CreateOrder = z.output<typeof createOrderSchema>;

export const orderSchema = z.object({
  id: z.uuid(),
  status: z.enum(['pending', 'paid', 'declined']),
  total: moneySchema,
});
export type Order = z.output<typeof orderSchema>;

export const orderWithItemsSchema = orderSchema.extend({ items: z.array(itemSchema.extend({ price: moneySchema })) });
export type OrderWithItems = z.output<typeof orderWithItemsSchema>;
