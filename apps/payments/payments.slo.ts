import type { Objectives } from '@app/telemetry';

/** What payments promises. */
export const paymentsObjectives: Objectives = {
  availability: 0.999,
  latencyMs: 100,
};
