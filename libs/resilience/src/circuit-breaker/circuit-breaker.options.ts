import { z } from 'zod';

const ms = (max: number) => z.coerce.number().int().min(1).max(max);
const ratio = z.coerce.number().gt(0).max(1);

/** When a circuit breaker opens, for how long, and how it closes again. */
export const circuitBreakerOptions = z
  .strictObject({
    failureRatio: ratio.default(0.5).describe('Share of failed calls from which on the breaker opens.'),
    windowMs: ms(3_600_000).default(30_000).describe('How far back calls count.'),
    minimumThroughput: z.coerce
      .number()
      .int()
      .min(1)
      .default(10)
      .describe('Calls that the window must hold before the breaker may open.'),
    slowCallMs: ms(600_000)
      .optional()
      .describe('A call that takes longer is slow. Not set: four fifths of the attempt timeout, where there is one.'),
    slowCallRatio: ratio.default(1).describe('Share of slow calls from which on the breaker opens.'),
    openMs: ms(3_600_000).default(5_000).describe('How long the breaker stays open before it lets probes through.'),
    maxOpenMs: ms(3_600_000)
      .default(60_000)
      .describe('Longest time open; each opening after failed probes doubles it up to here.'),
    halfOpenProbes: z.coerce
      .number()
      .int()
      .min(1)
      .default(3)
      .describe('Calls let through to see whether it works again; all must succeed.'),
  })
  .refine(({ openMs, maxOpenMs }) => openMs <= maxOpenMs, {
    error: (issue) => {
      const { openMs, maxOpenMs } = issue.input as { openMs: number; maxOpenMs: number };
      return `openMs (${openMs}) must not exceed maxOpenMs (${maxOpenMs})`;
    },
  });

export type CircuitBreakerOptions = z.input<typeof circuitBreakerOptions>;
export type ResolvedCircuitBreakerOptions = z.output<typeof circuitBreakerOptions>;
