import { z } from 'zod';

const moneySchema = z.object({
  amount: z.int().describe('In minor units: cents.'),
  currency: z.string().describe('ISO 4217 code.'),
});

export const skuSchema = z.string().regex(/^[a-z0-9-]{1,64}$/, 'must be 1 to 64 lower-case letters, digits or hyphens');

export const productSchema = z.object({ sku: skuSchema, name: z.string(), price: moneySchema, stock: z.int() });
export type Product = z.output<typeof productSchema>;

export const productListSchema = z.object({ items: z.array(productSchema) });
export type ProductList = z.output<typeof productListSchema>;

export const orderIdSchema = z.string().regex(/^[\w-]{1,64}$/, 'must be 1 to 64 letters, digits or hyphens');

const itemSchema = z.strictObject({ sku: skuSchema, quantity: z.int().min(1).max(1_000) });

export const checkoutSchema = z.strictObject({
  items: z.array(itemSchema).min(1).max(50),
  paymentMethod: z
    .enum(['card', 'card-declined'])
    .optional()
    .describe('card-declined is always declined, for trying it out. Default: card.'),
});
export type Checkout = z.output<typeof checkoutSchema>;

export const orderSchema = z.object({
  id: z.uuid(),
  status: z.enum(['pending', 'paid', 'declined']),
  total: moneySchema,
});
export type Order = z.output<typeof orderSchema>;

export const orderWithItemsSchema = orderSchema.extend({ items: z.array(itemSchema.extend({ price: moneySchema })) });
export type OrderWithItems = z.output<typeof orderWithItemsSchema>;
