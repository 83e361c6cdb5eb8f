import { z } from 'zod';

export const moneySchema = z.object({
  amount: z.int().describe('In minor units: cents.'),
  currency: z.string().describe('ISO 4217 code.'),
});

export const skuSchema = z.string().regex(/^[a-z0-9-]{1,64}$/, 'must be 1 to 64 lower-case letters, digits or hyphens');

export const productSchema = z.object({ sku: skuSchema, name: z.string(), price: moneySchema, stock: z.int() });
export type Product = z.output<typeof productSchema>;

export const productListSchema = z.object({ items: z.array(productSchema) });
export type ProductList = z.output<typeof productListSchema>;
