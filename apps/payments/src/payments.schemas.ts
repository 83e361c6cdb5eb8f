import { z } from 'zod';

export const createPaymentSchema = z.strictObject({
  orderId: z.uuid(),
  amount: z.int().min(1).max(1_000_000_000).describe('In minor units: cents.'),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code')
    .describe('ISO 4217 code.'),
  method: z.enum(['card', 'card-declined']).describe('card-declined is always declined, for trying it out.'),
});
export type CreatePayment = z.output<typeof createPaymentSchema>;

export const paymentSchema = z.object({
  id: z.uuid(),
  status: z.enum(['authorised', 'declined']),
});
export type Payment = z.output<typeof paymentSchema>;
