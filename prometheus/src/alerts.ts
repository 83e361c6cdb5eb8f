import { type DashboardUid, metric, panelUrl } from './metrics.js';
import { recorded, type Window } from './objective.rules.js';

export interface Alert {
  /** Also the name of its page in `docs/runbooks`. */
  name: string;
  expr: string;
  /** How long it must hold before somebody is told. @default at once */
  for?: string;
  /** `page` wakes a person; `ticket` waits for the morning. */
  severity: 'page' | 'ticket';
  /** One line, with the numbers. */
  summary: string;
  /** Where to look: a dashboard and the title of its panel. */
  panel: readonly [DashboardUid, string];
}

const outboxStuckSeconds = 300;
const eventLoopBlockedSeconds = 1;
const errorRatio = 0.05;
const shedRatio = 0.01;

/** For metrics that others in the same Prometheus have, too. */
const ofOurs = (services: readonly string[]) => `{job=~"${services.join('|')}"}`;

/** Every alert. Objectives come first: they tell what users feel, the others tell why. */
export function alerts(services: readonly string[]): Alert[] {
  return [
    {
      name: 'ErrorBudgetBurnsFast',
      // 2 % of the month's budget in an hour, or 5 % in six; the short window makes it end soon after the trouble does.
      expr: `${burns(14.4, '1h', '5m')} or ${burns(6, '6h', '30m')}`,
      severity: 'page',
      summary: `{{ $labels.job }} ({{ $labels.route }}): {{ $value | humanizePercentage }} of requests miss the {{ $labels.objective }} objective`,
      panel: ['ballast-slo', 'Burn rate'],
    },
    {
      name: 'ErrorBudgetBurnsSlowly',
      expr: `${burns(3, '1d', '2h')} or ${burns(1, '3d', '6h')}`,
      severity: 'ticket',
      summary: `{{ $labels.job }} ({{ $labels.route }}): at {{ $value | humanizePercentage }} of bad requests the {{ $labels.objective }} budget will not last the month`,
      panel: ['ballast-slo', 'Burn rate'],
    },
    {
      name: 'ServiceDown',
      expr: services.map((job) => `label_replace(absent(up{job="${job}"} == 1), "job", "${job}", "", "")`).join(' or '),
      for: '1m',
      severity: 'page',
      summary: 'No instance of {{ $labels.job }} answers',
      panel: ['ballast-overview', 'Services'],
    },
    {
      name: 'InstanceDown',
      expr: `up${ofOurs(services)} == 0`,
      for: '1m',
      severity: 'ticket',
      summary: '{{ $labels.instance }} of {{ $labels.job }} does not answer',
      panel: ['ballast-overview', 'Services'],
    },
    {
      name: 'HealthCheckFails',
      // Among them what readiness is judged by, so this also tells that a service gets no traffic.
      expr: `min by (job, instance, check) (${metric.healthCheckStatus}) == 0`,
      for: '1m',
      severity: 'ticket',
      summary: '{{ $labels.job }} ({{ $labels.instance }}) is not well: its check {{ $labels.check }} fails',
      panel: ['ballast-service', 'Health checks'],
    },
    {
      name: 'ErrorRatioHigh',
      expr: `${recorded.badRatio('5m')}{objective="availability"} > ${errorRatio}`,
      for: '2m',
      severity: 'ticket',
      summary: '{{ $labels.job }} ({{ $labels.route }}) fails {{ $value | humanizePercentage }} of its requests',
      panel: ['ballast-service', 'Failed requests by route'],
    },
    {
      name: 'LatencyOverObjective',
      expr: `${recorded.badRatio('5m')}{objective="latency"} > 1 - ${recorded.objective}{objective="latency"}`,
      for: '10m',
      severity: 'ticket',
      summary: `P99 of {{ $labels.job }} ({{ $labels.route }}) is over its objective: {{ $value | humanizePercentage }} of requests take longer, 1 % may`,
      panel: ['ballast-service', 'Latency by route'],
    },
    {
      name: 'CircuitBreakerOpen',
      // Half-open too: a breaker that tries again and fails is not well.
      expr: `max by (job, instance, client) (${metric.circuitBreakerState}{state=~"open|half-open|forced-open"}) == 1`,
      for: '30s',
      severity: 'ticket',
      summary:
        '{{ $labels.job }} ({{ $labels.instance }}) does not call {{ $labels.client }}: its circuit breaker is open',
      panel: ['ballast-resilience', 'Circuit breakers'],
    },
    {
      name: 'RetryBudgetEmpty',
      expr: `sum by (job, client) (rate(${metric.resilienceRetriesRefused}{reason="budget"}[1m])) > 0`,
      for: '2m',
      severity: 'ticket',
      summary:
        '{{ $labels.job }} would retry {{ $value | humanize }} more calls to {{ $labels.client }} a second than its budget allows',
      panel: ['ballast-resilience', 'Retry budget'],
    },
    {
      name: 'DiscoveryFailing',
      expr: `sum by (job, client) (rate(${metric.discoveryErrors}[2m])) > 0 or sum by (job) (rate(${metric.discoveryRegistrationErrors}[2m])) > 0`,
      for: '5m',
      severity: 'ticket',
      summary:
        '{{ $labels.job }} {{ with $labels.client }}cannot find the instances of {{ . }}, and calls those that it knew{{ else }}cannot list itself in its registry{{ end }}',
      panel: ['ballast-resilience', 'Age of the list'],
    },
    {
      name: 'LoadShed',
      expr: `sum by (job) (rate(${metric.requestsShed}[1m])) / sum by (job) (rate(${metric.httpServerRequestDuration}_count[1m])) > ${shedRatio}`,
      for: '2m',
      severity: 'ticket',
      summary: '{{ $labels.job }} has too much to do, and refuses {{ $value | humanizePercentage }} of its requests',
      panel: ['ballast-service', 'Requests shed'],
    },
    {
      name: 'EventLoopBlocked',
      expr: `${metric.eventLoopDelayMax}${ofOurs(services)} > ${eventLoopBlockedSeconds}`,
      severity: 'ticket',
      summary:
        'The event loop of {{ $labels.job }} ({{ $labels.instance }}) stood still for {{ $value | humanizeDuration }}',
      panel: ['ballast-service', 'Event loop'],
    },
    {
      name: 'PostgresPoolExhausted',
      expr: `${metric.postgresPoolPending} > 0`,
      for: '30s',
      severity: 'ticket',
      summary: '{{ $value }} requests wait for a database connection of {{ $labels.job }} ({{ $labels.instance }})',
      panel: ['ballast-service', 'Postgres pool'],
    },
    {
      name: 'OutboxStuck',
      expr: `max by (job) (${metric.outboxOldestAge}) > ${outboxStuckSeconds}`,
      severity: 'page',
      summary: 'An event of {{ $labels.job }} is overdue since {{ $value | humanizeDuration }}',
      panel: ['ballast-service', 'Outbox'],
    },
    {
      name: 'OutboxFailing',
      expr: `max by (job) (${metric.outboxFailing}) > 0`,
      for: '30m',
      severity: 'ticket',
      summary: '{{ $labels.job }} fails to deliver {{ $value }} events, and goes on trying',
      panel: ['ballast-service', 'Outbox'],
    },
    {
      name: 'OutboxParked',
      expr: `max by (job) (${metric.outboxParked}) > 0`,
      severity: 'ticket',
      summary: '{{ $labels.job }} has given up on {{ $value }} events; they wait for a person',
      panel: ['ballast-service', 'Outbox'],
    },
  ];
}

/** The budget is used up `factor` times as fast as it may be, over a long window and still in a short one. */
function burns(factor: number, long: Window, short: Window): string {
  const over = (window: Window) => `${recorded.badRatio(window)} > ${factor} * (1 - ${recorded.objective})`;
  return `(${over(long)} and ${over(short)})`;
}

/** As Prometheus' rule files say it. */
export function toAlertingRule({ name, expr, severity, summary, panel, ...rest }: Alert): object {
  return {
    alert: name,
    expr,
    ...rest,
    labels: { severity },
    annotations: { summary, panel: panelUrl(...panel), runbook: `docs/runbooks/${name}.md` },
  };
}
