import { z } from 'zod';

const ms = z.number().int().min(1).max(600_000);

const when = {
  /** How long it lasts, in milliseconds. */
  forMs: z.number().int().min(1).max(3_600_000).default(60_000),
};
const where = {
  ...when,
  /** A route of this service, `POST /payments`. Without a route and a client: every route. */
  route: z
    .string()
    .regex(/^[A-Z]+ \//, 'a method and a path, such as POST /payments')
    .optional(),
  /** A service that this one calls, `payments`: what comes of the calls to it. */
  client: z.string().min(1).optional(),
  /** How many of the requests it meets, above 0 and up to 1. */
  share: z.number().gt(0).max(1).default(1),
};

/** What may be done to a service, to see how it bears it. */
export const faultSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('latency'), latencyMs: ms, spreadMs: ms.optional(), ...where }),
    z.strictObject({ kind: z.literal('status'), status: z.number().int().min(400).max(599), ...where }),
    z.strictObject({ kind: z.literal('reset'), ...where }),
    z.strictObject({ kind: z.literal('hang'), ...where }),
    z.strictObject({ kind: z.literal('block'), blockMs: z.number().int().min(1).max(60_000) }),
    z.strictObject({ kind: z.literal('freeze'), worker: z.string().min(1), ...when }),
  ])
  .refine((fault) => !('route' in fault && fault.route && fault.client), 'a route or a client, not both');

export type Fault = z.output<typeof faultSchema>;
/** A fault that meets requests. */
export type RequestFault = Extract<Fault, { share: number }>;
