import { metric, recorded } from '@app/prometheus';
import { dashboard } from './dashboard.js';
import { chosen, drillDown, drillDownFromCell, half, healthStates, table, third, timeseries, whole } from './panels.js';
import { failedRate, percentile, requestRate } from './requests.js';

const link = drillDown('Look into this service', 'ballast-service');
const rising = (yellow: number, red: number) => [
  { value: null, color: 'green' },
  { value: yellow, color: 'yellow' },
  { value: red, color: 'red' },
];

/** One look tells who is sick. */
export const overview = dashboard({
  uid: 'ballast-overview',
  title: 'Overview',
  description: 'Every service at one glance. The sick one is red; a click on its name leads to it.',
  rows: [
    {
      title: 'Services',
      panels: [
        table({
          title: 'Services',
          description:
            'A row for each service, worst values of its instances. Red cells are where to begin: the red service furthest from the user is usually the cause. Click its name.',
          unit: 'short',
          width: whole,
          rows: 9,
          labels: { job: 'Service' },
          link: drillDownFromCell('Look into this service', 'ballast-service'),
          columns: [
            {
              title: 'Up',
              expr: `sum by (job) (up{${chosen}})`,
              unit: 'short',
              colors: [
                { value: null, color: 'red' },
                { value: 1, color: 'green' },
              ],
            },
            {
              title: 'Health',
              expr: `min by (job) (${metric.healthCheckStatus}{${chosen}})`,
              unit: 'short',
              colors: [
                { value: null, color: 'red' },
                { value: 0.5, color: 'yellow' },
                { value: 1, color: 'green' },
              ],
              states: healthStates,
            },
            { title: 'Requests', expr: requestRate('job'), unit: 'reqps', decimals: 1 },
            {
              title: 'Failed',
              expr: `${failedRate('job')} / ${requestRate('job')}`,
              unit: 'percentunit',
              decimals: 1,
              colors: rising(0.001, 0.05),
            },
            { title: 'P50', expr: percentile(0.5, 'job'), unit: 's' },
            { title: 'P95', expr: percentile(0.95, 'job'), unit: 's' },
            { title: 'P99', expr: percentile(0.99, 'job'), unit: 's', colors: rising(0.5, 1) },
            {
              title: 'Event loop',
              expr: `max by (job) (${metric.eventLoopUtilization}{${chosen}})`,
              unit: 'percentunit',
              decimals: 0,
              colors: rising(0.7, 0.9),
            },
            { title: 'In flight', expr: `sum by (job) (${metric.httpServerActiveRequests}{${chosen}})`, unit: 'short' },
            {
              title: 'Pool',
              expr: `max by (job) (${metric.postgresPoolConnections}{${chosen}, state="used"} / ignoring (state) ${metric.postgresPoolMax}{${chosen}})`,
              unit: 'percentunit',
              decimals: 0,
              colors: rising(0.8, 1),
            },
            {
              title: 'Breakers open',
              expr: `sum by (job) (${metric.circuitBreakerState}{${chosen}, state=~"open|forced-open"})`,
              unit: 'short',
              colors: rising(1, 1),
            },
            {
              title: 'Budget left',
              expr: `min by (job) (${recorded.budgetLeft}{job=~"$job"})`,
              unit: 'percentunit',
              decimals: 0,
              colors: [
                { value: null, color: 'red' },
                { value: 0, color: 'yellow' },
                { value: 0.25, color: 'green' },
              ],
            },
          ],
        }),
      ],
    },
    {
      title: 'What users feel',
      panels: [
        timeseries({
          title: 'Requests',
          description:
            'Requests a second by service. A sudden fall without a release: look whether the service, or what is before it, is up. Compare with yesterday before you call it load.',
          unit: 'reqps',
          width: third,
          link,
          queries: [{ expr: requestRate('job'), legend: '{{job}}' }],
        }),
        timeseries({
          title: 'Failed requests',
          description:
            'Share of requests with a status of 500 or above; empty while there is none. When it rises, open the service and look which route fails, and with what.',
          unit: 'percentunit',
          width: third,
          link,
          queries: [{ expr: `${failedRate('job')} / ${requestRate('job')}`, legend: '{{job}}' }],
        }),
        timeseries({
          title: 'P99 latency',
          description:
            'One request in a hundred takes longer. When several services rise together, the cause is the one that the others call.',
          unit: 's',
          width: third,
          link,
          queries: [{ expr: percentile(0.99, 'job'), legend: '{{job}}' }],
        }),
      ],
    },
    {
      title: 'How full it is',
      panels: [
        timeseries({
          title: 'Event loop use',
          description:
            'Share of time that the busiest instance computes. Over 90 % requests queue: add instances, or find what computes so long.',
          unit: 'percentunit',
          width: third,
          max: 1,
          link,
          limits: [
            { value: 0.7, color: 'yellow' },
            { value: 0.9, color: 'red' },
          ],
          queries: [{ expr: `max by (job) (${metric.eventLoopUtilization}{${chosen}})`, legend: '{{job}}' }],
        }),
        timeseries({
          title: 'In flight',
          description:
            'Requests that are being answered. When it climbs while the rate does not, something that is called has become slow.',
          unit: 'short',
          width: third,
          link,
          queries: [{ expr: `sum by (job) (${metric.httpServerActiveRequests}{${chosen}})`, legend: '{{job}}' }],
        }),
        timeseries({
          title: 'Postgres pool use',
          description:
            'Connections in use, of those that the pool may open. At 100 % requests wait for one: look for slow statements and long transactions.',
          unit: 'percentunit',
          width: third,
          max: 1,
          link,
          queries: [
            {
              expr: `max by (job) (${metric.postgresPoolConnections}{${chosen}, state="used"} / ignoring (state) ${metric.postgresPoolMax}{${chosen}})`,
              legend: '{{job}}',
            },
          ],
        }),
      ],
    },
    {
      title: 'What protects it',
      panels: [
        timeseries({
          title: 'Circuit breakers open',
          description:
            'Clients that are not called because they have been failing. Mend the service that the client is named after; the breaker closes by itself.',
          unit: 'short',
          width: half,
          link: drillDown('Look at its clients', 'ballast-resilience'),
          queries: [
            {
              expr: `sum by (job, client) (${metric.circuitBreakerState}{${chosen}, state=~"open|forced-open"})`,
              legend: '{{job}} to {{client}}',
            },
          ],
        }),
        timeseries({
          title: 'Budget of errors left',
          description:
            'What is left of the errors that 30 days allow. Below zero the promise is broken: stop releases that are not repairs.',
          unit: 'percentunit',
          width: half,
          max: 1,
          link: drillDown('Look at its objectives', 'ballast-slo'),
          queries: [
            { expr: `min by (job, objective) (${recorded.budgetLeft}{job=~"$job"})`, legend: '{{job}} {{objective}}' },
          ],
        }),
      ],
    },
  ],
});
