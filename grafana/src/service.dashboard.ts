import { metric } from '@app/prometheus';
import { dashboard } from './dashboard.js';
import {
  chosen,
  half,
  healthStates,
  heatmap,
  stateTimeline,
  table,
  third,
  timeseries,
  traces,
  tracesOf,
  tracesOfCell,
  whole,
} from './panels.js';
import { bucketRate, failedRate, percentile, requestRate } from './requests.js';

const link = tracesOf();
const route = 'http_route=~"$route"';
const byRoute = 'job, http_request_method, http_route';
const routeLegend = '{{job}} {{http_request_method}} {{http_route}}';
const rate = (name: string, by: string, more = '') =>
  `sum by (${by}) (rate(${name}{${chosen}${more}}[$__rate_interval]))`;
const gauge = (name: string, more = '') => `${name}{${chosen}${more}}`;
const instance = '{{job}} {{instance}}';

/** One service from all sides: its requests, its process, its database, and the traces behind them. */
export const service = dashboard({
  uid: 'ballast-service',
  title: 'Service',
  description: 'One service, from its requests down to its process and its database. Choose it under Job.',
  withTraces: true,
  variables: [
    { name: 'route', query: `label_values(${metric.httpServerRequestDuration}_count{${chosen}}, http_route)` },
  ],
  rows: [
    {
      title: 'Health',
      panels: [
        stateTimeline({
          title: 'Health checks',
          description:
            'What each check of `/healthz` found. Degraded: it still serves, with a fallback or slowly. Error: ask `/healthz` on the admin port for the reason, and look at what the check is named after.',
          unit: 'none',
          width: whole,
          link,
          states: healthStates,
          queries: [
            {
              expr: `min by (job, instance, check) (${gauge(metric.healthCheckStatus)})`,
              legend: '{{job}} {{instance}} {{check}}',
            },
          ],
        }),
      ],
    },
    {
      title: 'Requests',
      panels: [
        timeseries({
          title: 'Requests by route',
          description:
            'Requests a second. `_unmatched` are addresses that the service does not have: many of them are a scan, or a client with an old address.',
          unit: 'reqps',
          width: third,
          link,
          queries: [{ expr: requestRate(byRoute, route), legend: routeLegend }],
        }),
        timeseries({
          title: 'Failed requests by route',
          description:
            'Requests with a status of 500 or above; empty while there is none. 503 is a refusal, 504 a deadline: look at Resilience. 500 is a bug: look at Failed traces below.',
          unit: 'reqps',
          width: third,
          link,
          queries: [
            {
              expr: failedRate(`${byRoute}, http_response_status_code`, route),
              legend: `${routeLegend} {{http_response_status_code}}`,
            },
          ],
        }),
        timeseries({
          title: 'Latency by route',
          description:
            'P99: one request in a hundred takes longer. One route alone: look at a trace of it. All routes: look at the event loop and the pool below.',
          unit: 's',
          width: third,
          link,
          queries: [{ expr: percentile(0.99, byRoute, route), legend: routeLegend }],
        }),
        heatmap({
          title: 'Latency heatmap',
          description:
            'How many requests took how long. A second band above the first is a second way through the code, such as a cache that misses. Click a dot to open the trace of that request.',
          unit: 's',
          width: half,
          expr: bucketRate('le', route),
        }),
        timeseries({
          title: 'Latency percentiles',
          description:
            'Half, 95 and 99 of a hundred requests are faster. P50 and P99 rise together: all is slow. P99 alone: a few requests wait for something. Click a dot to open its trace.',
          unit: 's',
          width: half,
          exemplars: true,
          link,
          queries: [0.5, 0.95, 0.99].map((share) => ({
            expr: percentile(share, 'job', route),
            legend: `{{job}} P${share * 100}`,
          })),
        }),
        timeseries({
          title: 'Status codes',
          description:
            'Answers by status. Many 4xx after a release: an API changed under its clients. 499 is a client that did not wait: look at latency.',
          unit: 'reqps',
          width: third,
          stacked: true,
          link,
          queries: [{ expr: requestRate('http_response_status_code', route), legend: '{{http_response_status_code}}' }],
        }),
        table({
          title: 'Slowest routes',
          description:
            'The ten routes with the highest P99. Begin with the one that has both a high P99 and many requests.',
          unit: 's',
          width: third,
          labels: { job: 'Service', http_request_method: 'Method', http_route: 'Route' },
          link: tracesOfCell(),
          columns: [{ title: 'P99', expr: `topk(10, ${percentile(0.99, byRoute, route)})`, unit: 's' }],
        }),
        timeseries({
          title: 'Deadlines exceeded',
          description:
            'Work that was stopped because its time was over; empty while there is none. `inbound` is a request, anything else the client that was called: that service is slow.',
          unit: 'ops',
          width: third,
          link,
          queries: [{ expr: rate(metric.deadlinesExceeded, 'job, place'), legend: '{{job}} {{place}}' }],
        }),
        timeseries({
          title: 'Requests in flight',
          description:
            'Requests that are being answered now, and how many may be. When they climb and the rate does not, something has become slow. A limit that falls says that requests wait for each other.',
          unit: 'short',
          width: third,
          link,
          queries: [
            { expr: `sum by (job, instance) (${gauge(metric.httpServerActiveRequests)})`, legend: instance },
            { expr: gauge(metric.loadLimit), legend: `${instance} limit` },
          ],
        }),
        timeseries({
          title: 'Requests shed',
          description:
            'Requests refused with 503 because there are too many; empty while there is none. `concurrency`: too many wait for the same thing. `event_loop`: the process has no time left, start more instances.',
          unit: 'reqps',
          width: third,
          link,
          queries: [
            { expr: rate(metric.requestsShed, 'job, priority, reason'), legend: '{{job}} {{priority}} {{reason}}' },
          ],
        }),
        timeseries({
          title: 'Log lines of trouble',
          description:
            'Lines of level warn and above; empty while there is none. Search the logs for `level` error in that time; each line has a `trace_id` that opens in Jaeger.',
          unit: 'cps',
          width: third,
          link,
          queries: [{ expr: rate(metric.logLines, 'job, level'), legend: '{{job}} {{level}}' }],
        }),
      ],
    },
    {
      title: 'Node.js',
      panels: [
        timeseries({
          title: 'Event loop',
          description:
            'How late the event loop comes to what is due. Single peaks stop every request of that instance: look at traces of that second for what computes so long.',
          unit: 's',
          width: third,
          link,
          queries: [
            { expr: gauge(metric.eventLoopDelayP99), legend: `${instance} P99` },
            { expr: gauge(metric.eventLoopDelayMax), legend: `${instance} max` },
          ],
        }),
        timeseries({
          title: 'Event loop utilisation',
          description:
            'Share of time that the event loop was busy. Over 90 % there is no room for a peak: add instances.',
          unit: 'percentunit',
          width: third,
          max: 1,
          limits: [
            { value: 0.7, color: 'yellow' },
            { value: 0.9, color: 'red' },
          ],
          link,
          queries: [{ expr: gauge(metric.eventLoopUtilization), legend: instance }],
        }),
        timeseries({
          title: 'CPU',
          description:
            'Cores in use. More than one is garbage collection and compression beside the event loop. At its limit the container is throttled: latency rises in steps of 100 ms.',
          unit: 'short',
          width: third,
          link,
          queries: [{ expr: rate(metric.cpu, 'job, instance'), legend: instance }],
        }),
        timeseries({
          title: 'Memory',
          description:
            'Resident memory, and the heap within it. A heap that only climbs is a leak: take a heap snapshot before it is killed.',
          unit: 'bytes',
          width: third,
          link,
          queries: [
            { expr: gauge(metric.residentMemory), legend: `${instance} resident` },
            { expr: gauge(metric.heapTotal), legend: `${instance} heap` },
            { expr: gauge(metric.heapUsed), legend: `${instance} heap used` },
          ],
        }),
        timeseries({
          title: 'Garbage collection',
          description:
            'Share of time spent collecting garbage, by kind. `major` over a few percent means that the heap is nearly full: look at Memory.',
          unit: 'percentunit',
          width: third,
          link,
          queries: [{ expr: rate(`${metric.gcDuration}_sum`, 'job, kind'), legend: '{{job}} {{kind}}' }],
        }),
        timeseries({
          title: 'Handles',
          description:
            'Open sockets, timers and files. A line that only climbs is a leak of connections: compare with requests in flight.',
          unit: 'short',
          width: third,
          link,
          queries: [{ expr: gauge(metric.activeHandles), legend: instance }],
        }),
      ],
    },
    {
      title: 'Postgres',
      panels: [
        timeseries({
          title: 'Postgres pool',
          description:
            'Connections in use and idle, and requests that wait for one. Waiting requests mean slow statements, or a pool that is too small.',
          unit: 'short',
          width: third,
          link,
          queries: [
            { expr: `sum by (job, state) (${gauge(metric.postgresPoolConnections)})`, legend: '{{job}} {{state}}' },
            { expr: `sum by (job) (${gauge(metric.postgresPoolPending)})`, legend: '{{job}} waiting' },
            { expr: `max by (job) (${gauge(metric.outboxFailing)})`, legend: '{{job}} failing' },
            { expr: `sum by (job) (${gauge(metric.postgresPoolMax)})`, legend: '{{job}} at most' },
          ],
        }),
        timeseries({
          title: 'SQL statements',
          description:
            'Statements a second by their first word. More of them for the same requests: a query in a loop; look at a trace. `rollback` beside few errors: conflicts.',
          unit: 'ops',
          width: third,
          link,
          queries: [
            {
              expr: rate(`${metric.postgresStatements}_count`, 'job, db_operation_name'),
              legend: '{{job}} {{db_operation_name}}',
            },
          ],
        }),
        timeseries({
          title: 'SQL latency',
          description:
            'P95 of statements by their first word. One alone: a missing index or a lock. All of them: the server is busy, or its disk is slow.',
          unit: 's',
          width: third,
          link,
          queries: [
            {
              expr: `histogram_quantile(0.95, ${rate(`${metric.postgresStatements}_bucket`, 'job, db_operation_name, le')})`,
              legend: '{{job}} {{db_operation_name}}',
            },
          ],
        }),
      ],
    },
    {
      title: 'Cache and outbox',
      panels: [
        timeseries({
          title: 'Cache hits',
          description:
            'Share of reads that the cache answered. A sudden fall: the cache was emptied or cannot be reached, and what it protects gets the load.',
          unit: 'percentunit',
          width: third,
          max: 1,
          link,
          queries: [
            {
              expr: `${rate(metric.cacheRequests, 'job, cache', ', outcome="hit"')} / ${rate(metric.cacheRequests, 'job, cache')}`,
              legend: '{{job}} {{cache}}',
            },
          ],
        }),
        timeseries({
          title: 'Outbox',
          description:
            'How long the oldest event has been due, and how many wait, of those how many failed, and how many are parked. Age that climbs: the worker is not running, or too slow. Failing ones are tried again; parked ones wait for a person.',
          unit: 'short',
          width: third,
          link,
          queries: [
            { expr: `max by (job) (${gauge(metric.outboxOldestAge)})`, legend: '{{job}} seconds overdue' },
            { expr: `max by (job) (${gauge(metric.outboxPending)})`, legend: '{{job}} waiting' },
            { expr: `max by (job) (${gauge(metric.outboxParked)})`, legend: '{{job}} parked' },
          ],
        }),
        timeseries({
          title: 'Outbox deliveries',
          description:
            'Deliveries by what came of them. `retried` is what is called being down; `parked` is what its handler declared undeliverable; it needs a person.',
          unit: 'ops',
          width: third,
          link,
          queries: [
            { expr: rate(metric.outboxDeliveries, 'job, topic, outcome'), legend: '{{job}} {{topic}} {{outcome}}' },
          ],
        }),
      ],
    },
    {
      title: 'Traces',
      panels: [
        traces({
          title: 'Slowest traces',
          description:
            'Traces of a quarter of a second and more, the slowest first. Click its id: the longest span is where the time went.',
          unit: 'none',
          width: whole,
          search: { minDuration: '250ms' },
        }),
        traces({
          title: 'Failed traces',
          description:
            'Traces with a span that failed. Click its id, then search the logs of all services for that `trace_id`.',
          unit: 'none',
          width: whole,
          search: { tags: 'error=true' },
        }),
      ],
    },
  ],
});
