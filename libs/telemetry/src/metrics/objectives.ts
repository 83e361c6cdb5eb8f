import type { LatencyBoundMs } from './catalogue.js';

/** What is promised of requests, over 30 days. */
export interface Objective {
  /** Share of requests that do not end with a status of 500 and above, in (0, 1). */
  availability: number;
  /** 99 % of requests take no longer. */
  latencyMs: LatencyBoundMs;
}

/**
 * What a service promises, in `apps/<app>/<app>.slo.ts`. Recording rules, alerts and the dashboard of objectives are made of it.
 *
 * @see https://sre.google/workbook/implementing-slos/
 */
export interface Objectives extends Objective {
  /** Routes with promises of their own, such as `POST /checkout`. What is left out is not measured for the route alone. */
  routes?: Record<`${string} /${string}`, Partial<Objective>>;
}
