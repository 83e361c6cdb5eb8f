/** One metric: what code, dashboards, alerts and docs know of it. Names and units follow Prometheus' and OpenTelemetry's conventions. */
export interface MetricDefinition {
  type: 'counter' | 'gauge' | 'histogram';
  /** Base unit as suffix (`_seconds`, `_bytes`), counters end in `_total`. */
  name: string;
  help: string;
  /** Closed sets only: a route template, a client, an outcome. Never a URL, an id, a message. */
  labels: readonly string[];
  /** Upper bounds, in the metric's unit. Histograms only. */
  buckets?: readonly number[];
}

/**
 * Bounds that OpenTelemetry advises for HTTP durations. Objectives name them in milliseconds, as options do; metrics are in seconds.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
 */
const httpDurationBoundsMs = [5, 10, 25, 50, 75, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000] as const;
const httpDurationBuckets = httpDurationBoundsMs.map((ms) => ms / 1_000);

/** A duration that histograms of requests can tell exactly how many were faster than. */
export type LatencyBoundMs = (typeof httpDurationBoundsMs)[number];

/** Every metric of the libraries, once. What Node itself reports (`nodejs_*`, `process_*`) comes from prom-client: {@link runtimeMetricNames}. */
export const catalogue = {
  httpServerRequestDuration: {
    type: 'histogram',
    name: 'http_server_request_duration_seconds',
    help: 'Duration of inbound HTTP requests, failures included.',
    labels: ['http_request_method', 'http_route', 'http_response_status_code', 'url_scheme', 'error_type'],
    buckets: httpDurationBuckets,
  },
  httpServerActiveRequests: {
    type: 'gauge',
    name: 'http_server_active_requests',
    help: 'Inbound HTTP requests in flight.',
    labels: ['http_request_method', 'url_scheme'],
  },
  httpClientRequestDuration: {
    type: 'histogram',
    name: 'http_client_request_duration_seconds',
    help: 'Duration of outbound HTTP requests, one for each attempt, failures included.',
    labels: [
      'client',
      'http_request_method',
      'http_response_status_code',
      'server_address',
      'server_port',
      'error_type',
    ],
    buckets: httpDurationBuckets,
  },
  requestsShed: {
    type: 'counter',
    name: 'http_server_shed_requests_total',
    help: 'Inbound requests refused because there were too many, by priority and by what was short: concurrency or event_loop.',
    labels: ['priority', 'reason'],
  },
  loadLimit: {
    type: 'gauge',
    name: 'http_server_load_limit_requests',
    help: 'Inbound requests that may be in flight at the moment.',
    labels: [],
  },
  loadAdmitted: {
    type: 'gauge',
    name: 'http_server_load_admitted_ratio',
    help: 'Share of inbound requests that the event loop has time for, 0 to 1.',
    labels: [],
  },
  deadlinesExceeded: {
    type: 'counter',
    name: 'deadlines_exceeded_total',
    help: 'Deadlines that passed before the work was done, by place: inbound, or the client that was called.',
    labels: ['place'],
  },
  faultsInjected: {
    type: 'counter',
    name: 'faults_injected_total',
    help: 'What was done on purpose, by kind and target: inbound, the client that was called, a worker, or process.',
    labels: ['kind', 'target'],
  },
  resilienceCalls: {
    type: 'counter',
    name: 'resilience_calls_total',
    help: 'Outbound calls by outcome, each counted once however many attempts it took.',
    labels: ['client', 'outcome'],
  },
  resilienceRetries: {
    type: 'counter',
    name: 'resilience_retries_total',
    help: 'Attempts that were repeated, by what they failed with.',
    labels: ['client', 'reason'],
  },
  resilienceRetriesRefused: {
    type: 'counter',
    name: 'resilience_retries_refused_total',
    help: 'Attempts that failed for a passing reason and were not repeated, by the rule that refused.',
    labels: ['client', 'reason'],
  },
  resilienceFallbacks: {
    type: 'counter',
    name: 'resilience_fallbacks_total',
    help: 'Answers that something stood in for after the call had failed, by kind: stale, default, function.',
    labels: ['client', 'kind'],
  },
  retryBudget: {
    type: 'gauge',
    name: 'resilience_retry_budget_tokens',
    help: 'Repetitions that the retry budget allows at the moment.',
    labels: ['client'],
  },
  circuitBreakerState: {
    type: 'gauge',
    name: 'circuit_breaker_state',
    help: 'State of the circuit breaker: 1 for the one that it is in, 0 for the others.',
    labels: ['client', 'state'],
  },
  circuitBreakerTransitions: {
    type: 'counter',
    name: 'circuit_breaker_transitions_total',
    help: 'Changes of state of the circuit breaker.',
    labels: ['client', 'from', 'to'],
  },
  bulkheadCalls: {
    type: 'gauge',
    name: 'bulkhead_calls',
    help: 'Calls at the bulkhead by state: in_use or queued.',
    labels: ['client', 'state'],
  },
  discoveryEndpoints: {
    type: 'gauge',
    name: 'discovery_endpoints',
    help: 'Instances of a service by state: known, ejected for failing or going, in_use.',
    labels: ['client', 'state'],
  },
  discoveryPicks: {
    type: 'counter',
    name: 'discovery_picks_total',
    help: 'Attempts by the instance that was chosen: its number, its zone or its address, as DISCOVERY_ENDPOINT_LABEL says.',
    labels: ['client', 'endpoint'],
  },
  discoveryAge: {
    type: 'gauge',
    name: 'discovery_age_seconds',
    help: 'How long ago the list of instances was last confirmed.',
    labels: ['client'],
  },
  discoveryErrors: {
    type: 'counter',
    name: 'discovery_errors_total',
    help: 'Times that the instances of a service could not be found, by reason; the last list stays.',
    labels: ['client', 'reason'],
  },
  discoveryRegistered: {
    type: 'gauge',
    name: 'discovery_registered',
    help: 'Whether this instance is listed in its registry, 1 or 0; only where DISCOVERY_REGISTER is set.',
    labels: [],
  },
  discoveryRegistrationErrors: {
    type: 'counter',
    name: 'discovery_registration_errors_total',
    help: 'Times that the registry did not take what it was told of this instance, by reason.',
    labels: ['reason'],
  },
  discoveryEjections: {
    type: 'counter',
    name: 'discovery_ejections_total',
    help: 'Instances that were left alone for a while, by reason: consecutive_failures, success_rate, going.',
    labels: ['client', 'reason'],
  },
  eventLoopUtilization: {
    type: 'gauge',
    name: 'nodejs_eventloop_utilization_ratio',
    help: 'Share of time that the event loop was busy since the last scrape, 0 to 1.',
    labels: [],
  },
  healthCheckStatus: {
    type: 'gauge',
    name: 'health_check_status',
    help: 'What each health check last found: 1 is ok, 0.5 degraded, 0 error.',
    labels: ['check'],
  },
  healthCheckDuration: {
    type: 'gauge',
    name: 'health_check_duration_seconds',
    help: 'How long each health check last took.',
    labels: ['check'],
  },
  postgresStatements: {
    type: 'histogram',
    name: 'db_client_operation_duration_seconds',
    help: 'Duration of SQL statements by their first word, failures included.',
    labels: ['db_operation_name', 'error_type'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  postgresPoolConnections: {
    type: 'gauge',
    name: 'db_client_connection_count',
    help: 'Connections of the Postgres pool by state: used or idle.',
    labels: ['state'],
  },
  postgresPoolMax: {
    type: 'gauge',
    name: 'db_client_connection_max',
    help: 'Connections that the Postgres pool may open.',
    labels: [],
  },
  postgresPoolPending: {
    type: 'gauge',
    name: 'db_client_connection_pending_requests',
    help: 'Requests that wait for a connection of the Postgres pool.',
    labels: [],
  },
  outboxPending: {
    type: 'gauge',
    name: 'outbox_pending_events',
    help: 'Outbox rows that wait for delivery.',
    labels: [],
  },
  outboxOldestAge: {
    type: 'gauge',
    name: 'outbox_oldest_due_seconds',
    help: 'How long the oldest deliverable outbox row has been due.',
    labels: [],
  },
  outboxFailing: {
    type: 'gauge',
    name: 'outbox_failing_events',
    help: 'Outbox rows whose last delivery failed; they are delivered again.',
    labels: [],
  },
  outboxParked: {
    type: 'gauge',
    name: 'outbox_parked_events',
    help: 'Outbox rows that their handler declared undeliverable; they wait for a person.',
    labels: [],
  },
  outboxDeliveries: {
    type: 'counter',
    name: 'outbox_deliveries_total',
    help: 'Deliveries of outbox rows by topic and outcome: delivered, retried, parked.',
    labels: ['topic', 'outcome'],
  },
  idempotentRequests: {
    type: 'counter',
    name: 'idempotent_requests_total',
    help: 'Requests with an idempotency key by route and outcome: first, replayed, mismatch, busy.',
    labels: ['route', 'outcome'],
  },
  cacheRequests: {
    type: 'counter',
    name: 'cache_requests_total',
    help: 'Reads through the cache by cache name and outcome: hit, miss, error.',
    labels: ['cache', 'outcome'],
  },
  logLines: {
    type: 'counter',
    name: 'log_lines_total',
    help: 'Log lines of level warn and above, by level.',
    labels: ['level'],
  },
} as const satisfies Record<string, MetricDefinition>;

/** The metrics of Node and the process that our dashboards use; prom-client registers them and a spec checks that they exist. */
export const runtimeMetricNames = {
  eventLoopDelayP50: 'nodejs_eventloop_lag_p50_seconds',
  eventLoopDelayP99: 'nodejs_eventloop_lag_p99_seconds',
  eventLoopDelayMax: 'nodejs_eventloop_lag_max_seconds',
  activeHandles: 'nodejs_active_handles_total',
  heapUsed: 'nodejs_heap_size_used_bytes',
  heapTotal: 'nodejs_heap_size_total_bytes',
  gcDuration: 'nodejs_gc_duration_seconds',
  residentMemory: 'process_resident_memory_bytes',
  cpu: 'process_cpu_seconds_total',
} as const;
