import type { Objectives } from '@app/telemetry';
import { atMost, metric } from './metrics.js';

/** What the recording rules write, for the alerts and dashboards that read it. All of it has the labels `job`, `route` and `objective`. */
export const recorded = {
  /** Share of requests that must be good. */
  objective: 'slo:objective:ratio',
  /** How long a request may take, where `objective` is `latency`. */
  latencyThreshold: 'slo:latency_threshold:seconds',
  requests: 'slo:requests:rate5m',
  badRequests: 'slo:bad_requests:rate5m',
  badRatio: (window: Window) => `slo:bad_requests:ratio_rate${window}`,
  budgetLeft: 'slo:error_budget:remaining_ratio',
} as const;

/** Those of the alerts; and that of the objectives themselves. */
const alertWindows = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'] as const;
const objectiveWindow = '30d';
export type Window = (typeof alertWindows)[number] | typeof objectiveWindow;

/** `latencyMs` is promised of this share of the requests. */
const latencyShare = 0.99;

export interface RecordingRule {
  record: string;
  expr: string;
  labels: Record<string, string>;
}

/** One promise: what counts, and what of it is bad. */
interface Indicator {
  labels: { job: string; route: string; objective: 'availability' | 'latency' };
  target: number;
  latencyMs?: number;
  total(window: Window): string;
  bad(window: Window): string;
}

/**
 * The recording rules of a service's objectives: the share of bad requests in each window, and what is left of the budget.
 *
 * @see https://sre.google/workbook/alerting-on-slos/
 */
export function objectiveRules(job: string, objectives: Objectives): RecordingRule[] {
  return indicatorsOf(job, objectives).flatMap(rulesOf);
}

function indicatorsOf(job: string, { routes = {}, ...whole }: Objectives): Indicator[] {
  return Object.entries({ all: whole, ...routes }).flatMap(([route, { availability, latencyMs }]) => {
    const selector = selectorOf(job, route);
    const total = (window: Window) => rate('count', selector, window);
    const indicators: Indicator[] = [];
    if (availability !== undefined) {
      indicators.push({
        labels: { job, route, objective: 'availability' },
        target: availability,
        total,
        // Where there were requests and none failed, there is no series of failures: that is 0, and not unknown.
        bad: (window) =>
          `(${rate('count', `${selector}, http_response_status_code=~"5.."`, window)} or ${total(window)} * 0)`,
      });
    }
    if (latencyMs !== undefined) {
      indicators.push({
        labels: { job, route, objective: 'latency' },
        target: latencyShare,
        latencyMs,
        total,
        bad: (window) => `(${total(window)} - ${rate('bucket', `${selector}, ${atMost(latencyMs / 1_000)}`, window)})`,
      });
    }
    return indicators;
  });
}

function rulesOf({ labels, target, latencyMs, total, bad }: Indicator): RecordingRule[] {
  const selector = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  const own = (record: string) => `${record}{${selector.join(', ')}}`;
  const overAll = (record: string) => `sum_over_time(${own(record)}[${objectiveWindow}])`;
  return [
    { record: recorded.objective, expr: `vector(${target})` },
    ...(latencyMs ? [{ record: recorded.latencyThreshold, expr: `vector(${latencyMs / 1_000})` }] : []),
    { record: recorded.requests, expr: total('5m') },
    { record: recorded.badRequests, expr: bad('5m') },
    ...alertWindows.map((window) => ({ record: recorded.badRatio(window), expr: `${bad(window)} / ${total(window)}` })),
    // Thirty days of requests would be slow to read each time.
    {
      record: recorded.badRatio(objectiveWindow),
      expr: `${overAll(recorded.badRequests)} / ${overAll(recorded.requests)}`,
    },
    {
      record: recorded.budgetLeft,
      expr: `1 - ${own(recorded.badRatio(objectiveWindow))} / (1 - ${own(recorded.objective)})`,
    },
  ].map((rule) => ({ ...rule, labels }));
}

function selectorOf(job: string, route: string): string {
  const [method, path] = route.split(' ');
  const service = `job="${job}"`;
  return path === undefined ? service : `${service}, http_request_method="${method}", http_route="${path}"`;
}

function rate(part: 'count' | 'bucket', selector: string, window: Window): string {
  return `sum(rate(${metric.httpServerRequestDuration}_${part}{${selector}}[${window}]))`;
}
