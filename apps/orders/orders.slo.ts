import type { Objectives } from '@app/telemetry';

/** What orders promises. */
export const ordersObjectives: Objectives = {
  availability: 0.999,
  latencyMs: 250,
};
