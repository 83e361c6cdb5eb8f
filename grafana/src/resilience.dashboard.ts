import { metric } from '@app/prometheus';
import { dashboard } from './dashboard.js';
import { chosen, drillDown, stateTimeline, third, timeseries, whole } from './panels.js';

const client = 'client=~"$client"';
const toClient = '{{job}} to {{client}}';
const link = drillDown('Look into the service that is called', 'ballast-service', 'client');
const rate = (name: string, by: string, more = '') =>
  `sum by (${by}) (rate(${name}{${chosen}, ${client}${more}}[$__rate_interval]))`;
const state = (name: string) =>
  `sum by (job, instance, client) (${metric.circuitBreakerState}{${chosen}, ${client}, state="${name}"})`;
const changed = `max by (job, client, state) (${metric.circuitBreakerState}{${chosen}, ${client}} == 1 and changes(${metric.circuitBreakerState}{${chosen}, ${client}}[$__rate_interval]) > 0)`;

/** How services call each other, and what keeps a failure from spreading. */
export const resilience = dashboard({
  uid: 'ballast-resilience',
  title: 'Resilience',
  description: 'Calls from service to service: what fails, what is repeated, what is refused, what stands in.',
  variables: [{ name: 'client', query: `label_values(${metric.resilienceCalls}{${chosen}}, client)` }],
  annotations: [
    {
      name: 'Circuit breakers',
      expr: changed,
      title: '{{job}} to {{client}}',
      text: 'circuit breaker: {{state}}',
      color: 'orange',
    },
  ],
  rows: [
    {
      title: 'Circuit breakers',
      panels: [
        stateTimeline({
          title: 'Circuit breakers',
          description:
            'The state of each instance’s breaker. Open: the client has been failing and is not called; mend what it calls. Half-open: it is being tried. Flapping: it fails under load but not when tried.',
          unit: 'none',
          width: whole,
          link,
          states: [
            { value: 0, text: 'closed', color: 'green' },
            { value: 1, text: 'half-open', color: 'yellow' },
            { value: 2, text: 'open', color: 'red' },
            { value: 3, text: 'forced open', color: 'purple' },
            { value: 4, text: 'forced closed', color: 'blue' },
          ],
          queries: [
            {
              expr: `${state('half-open')} + 2 * ${state('open')} + 3 * ${state('forced-open')} + 4 * ${state('forced-closed')}`,
              legend: '{{job}} {{instance}} to {{client}}',
            },
          ],
        }),
      ],
    },
    {
      title: 'Calls',
      panels: [
        timeseries({
          title: 'Calls by outcome',
          description:
            'Calls a second by what came of them, each counted once. `circuit_open` and `bulkhead_full` were refused at once; `deadline_exceeded` took too long; `failure` is the answer itself.',
          unit: 'ops',
          width: third,
          stacked: true,
          link,
          queries: [{ expr: rate(metric.resilienceCalls, 'job, client, outcome'), legend: `${toClient} {{outcome}}` }],
        }),
        timeseries({
          title: 'Attempts for each call',
          description:
            'Requests sent for each call that was made. 1 is normal, the retry budget keeps it near 1.1; below 1 calls are refused before they are sent. Above 1.5 retries add to the load: look at the budget.',
          unit: 'short',
          width: third,
          link,
          queries: [
            {
              expr: `${rate(`${metric.httpClientRequestDuration}_count`, 'job, client')} / ${rate(metric.resilienceCalls, 'job, client')}`,
              legend: toClient,
            },
          ],
        }),
        timeseries({
          title: 'Attempts by result',
          description:
            'Requests sent by status, or by the error where there was no answer. `ECONNREFUSED`: nobody listens. A timeout: it is too slow. 5xx: it answers, but fails; look into that service.',
          unit: 'reqps',
          width: third,
          link,
          queries: [
            {
              expr: rate(
                `${metric.httpClientRequestDuration}_count`,
                'job, client, http_response_status_code, error_type',
              ),
              legend: `${toClient} {{http_response_status_code}} {{error_type}}`,
            },
          ],
        }),
        timeseries({
          title: 'Latency of attempts',
          description:
            'P99 of the requests sent, as the caller sees them. Higher than what the service itself reports: network, or connections that wait.',
          unit: 's',
          width: third,
          exemplars: true,
          link,
          queries: [
            {
              expr: `histogram_quantile(0.99, ${rate(`${metric.httpClientRequestDuration}_bucket`, 'job, client, le')})`,
              legend: toClient,
            },
          ],
        }),
        timeseries({
          title: 'Timeouts',
          description:
            'Calls whose whole time was over, and attempts that took too long; empty while there is none. Look into the service that is called before you allow it more time.',
          unit: 'ops',
          width: third,
          link,
          queries: [
            {
              expr: rate(metric.resilienceCalls, 'job, client', ', outcome="deadline_exceeded"'),
              legend: `${toClient} calls`,
            },
            {
              expr: rate(
                `${metric.httpClientRequestDuration}_count`,
                'job, client',
                ', error_type=~"ETIMEDOUT|ECONNABORTED"',
              ),
              legend: `${toClient} attempts`,
            },
          ],
        }),
        timeseries({
          title: 'Fallbacks served',
          description:
            'Answers that something stood in for, by kind; empty while there is none. Users get an answer, though not a fresh one: mend what is called.',
          unit: 'ops',
          width: third,
          stacked: true,
          link,
          queries: [{ expr: rate(metric.resilienceFallbacks, 'job, client, kind'), legend: `${toClient} {{kind}}` }],
        }),
      ],
    },
    {
      title: 'Retries',
      panels: [
        timeseries({
          title: 'Retries by reason',
          description:
            'Attempts that were repeated, by what they failed with; empty while there is none. A steady trickle is a service that fails a little all the time, and nobody noticed.',
          unit: 'ops',
          width: third,
          stacked: true,
          link,
          queries: [{ expr: rate(metric.resilienceRetries, 'job, client, reason'), legend: `${toClient} {{reason}}` }],
        }),
        timeseries({
          title: 'Retries refused',
          description:
            'Attempts that were not repeated, by the rule that said so; empty while there is none. `budget`: too many fail to repeat them all. `final`: a tier below has retried already.',
          unit: 'ops',
          width: third,
          stacked: true,
          link,
          queries: [
            { expr: rate(metric.resilienceRetriesRefused, 'job, client, reason'), legend: `${toClient} {{reason}}` },
          ],
        }),
        timeseries({
          title: 'Retry budget',
          description:
            'Repetitions that are allowed at the moment, in the instance that has fewest. At zero no call is repeated: the service that is called needs mending, not more retries.',
          unit: 'short',
          width: third,
          link,
          queries: [{ expr: `min by (job, client) (${metric.retryBudget}{${chosen}, ${client}})`, legend: toClient }],
        }),
      ],
    },
    {
      title: 'Instances',
      panels: [
        timeseries({
          title: 'Instances in use',
          description:
            'Instances that each service calls, and those that it leaves alone because they fail or go; nothing where an address is one host. Ejected for long: look into that instance.',
          unit: 'short',
          width: third,
          link,
          queries: [
            {
              expr: `min by (job, client, state) (${metric.discoveryEndpoints}{${chosen}, ${client}, state=~"in_use|ejected"})`,
              legend: `${toClient} {{state}}`,
            },
          ],
        }),
        timeseries({
          title: 'Attempts by instance',
          description:
            'Share of the attempts that each instance gets. One far below the others is slow, new or ejected; `GET /resilience` tells which it is.',
          unit: 'percentunit',
          width: third,
          stacked: true,
          link,
          queries: [
            {
              expr: `${rate(metric.discoveryPicks, 'job, client, endpoint')} / on (job, client) group_left () ${rate(metric.discoveryPicks, 'job, client')}`,
              legend: `${toClient} {{endpoint}}`,
            },
          ],
        }),
        timeseries({
          title: 'Age of the list',
          description:
            'How long ago the list of instances was confirmed. A list of hosts only grows older. Otherwise it grows while DNS or the registry fails; instances that come or go meanwhile are not noticed.',
          unit: 's',
          width: third,
          link,
          queries: [{ expr: `max by (job, client) (${metric.discoveryAge}{${chosen}, ${client}})`, legend: toClient }],
        }),
      ],
    },
    {
      title: 'Bulkheads',
      panels: [
        timeseries({
          title: 'Bulkhead',
          description:
            'Calls under way, and calls that wait for a place. Waiting calls: what is called has become slow. Mend that before you make the bulkhead larger, or it takes the caller with it.',
          unit: 'short',
          width: whole,
          link,
          queries: [
            {
              expr: `sum by (job, client, state) (${metric.bulkheadCalls}{${chosen}, ${client}})`,
              legend: `${toClient} {{state}}`,
            },
          ],
        }),
      ],
    },
  ],
});
