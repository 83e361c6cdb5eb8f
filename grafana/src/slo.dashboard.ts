import { recorded, type Window } from '@app/prometheus';
import { dashboard } from './dashboard.js';
import { drillDown, drillDownFromCell, half, table, timeseries, whole } from './panels.js';

const service = 'job=~"$job"';
const link = drillDown('Look into this service', 'ballast-service');
const legend = '{{job}} {{route}} {{objective}}';
const burnRate = (window: Window) =>
  `${recorded.badRatio(window)}{${service}} / on (job, route, objective) (1 - ${recorded.objective}{${service}})`;
const labelled = (expr: string) => `max by (job, route, objective) (${expr})`;

/** What was promised, and how much of what it allows is left. */
export const slo = dashboard({
  uid: 'ballast-slo',
  title: 'SLO',
  description: 'What each service promises in apps/<app>/<app>.slo.ts, over 30 days, and what is left of it.',
  byInstance: false,
  rows: [
    {
      title: 'Objectives',
      panels: [
        table({
          title: 'Objectives',
          description:
            'Every promise with what is left of its budget. Red: broken; stop releases that are not repairs. Burning above 1 it will not last the month, above 14 not two days.',
          unit: 'short',
          width: whole,
          rows: 9,
          labels: { job: 'Service', route: 'Route', objective: 'Objective' },
          link: drillDownFromCell('Look into this service', 'ballast-service'),
          columns: [
            {
              title: 'Promised',
              expr: labelled(`${recorded.objective}{${service}}`),
              unit: 'percentunit',
              decimals: 2,
            },
            { title: 'Faster than', expr: labelled(`${recorded.latencyThreshold}{${service}}`), unit: 's' },
            {
              title: 'Bad in 30 days',
              expr: labelled(`${recorded.badRatio('30d')}{${service}}`),
              unit: 'percentunit',
              decimals: 3,
            },
            {
              title: 'Burn rate, 1 h',
              expr: labelled(burnRate('1h')),
              unit: 'short',
              decimals: 1,
              colors: [
                { value: null, color: 'green' },
                { value: 1, color: 'yellow' },
                { value: 14.4, color: 'red' },
              ],
            },
            {
              title: 'Budget left',
              expr: labelled(`${recorded.budgetLeft}{${service}}`),
              unit: 'percentunit',
              decimals: 1,
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
      title: 'Budget',
      panels: [
        timeseries({
          title: 'Budget left',
          description:
            'What is left of the bad requests that 30 days allow. A step down is an incident, a slope is a defect. Below zero the promise is broken.',
          unit: 'percentunit',
          width: half,
          max: 1,
          link,
          queries: [{ expr: `${recorded.budgetLeft}{${service}}`, legend }],
        }),
        timeseries({
          title: 'Burn rate',
          description:
            'How many times faster than allowed the budget is used, over an hour. At 1 it lasts exactly a month. Somebody is paged at 14.4, or at 6 over six hours: open the service.',
          unit: 'short',
          width: half,
          link,
          limits: [
            { value: 1, color: 'yellow' },
            { value: 14.4, color: 'red' },
          ],
          queries: [{ expr: burnRate('1h'), legend }],
        }),
      ],
    },
    {
      title: 'Requests',
      panels: [
        timeseries({
          title: 'Bad requests',
          description:
            'Share of requests that failed (availability) or took too long (latency), over five minutes. Open the service to see which ones.',
          unit: 'percentunit',
          width: half,
          link,
          queries: [{ expr: `${recorded.badRatio('5m')}{${service}}`, legend }],
        }),
        timeseries({
          title: 'Requests that count',
          description:
            'Requests a second that the objectives are about. With few of them a single failure weighs much: do not page for a service that nobody uses.',
          unit: 'reqps',
          width: half,
          link,
          queries: [{ expr: `${recorded.requests}{${service}}`, legend }],
        }),
      ],
    },
  ],
});
