import type { Objectives } from '@app/telemetry';

/** What storefront promises. */
export const storefrontObjectives: Objectives = {
  availability: 0.999,
  latencyMs: 250,
  routes: { 'POST /checkout': { availability: 0.999, latencyMs: 500 } },
};
