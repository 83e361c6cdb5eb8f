/** What is measured, by the name of its path. `:id` is 42. */
export const routes = {
  order: { path: '/orders/42', title: 'GET /orders/:id' },
  payment: { path: '/orders/42/payment', title: 'GET /orders/:id/payment (an outbound call)' },
  row: { path: '/orders/42/row', title: 'GET /orders/:id/row (a SQL read)' },
};

const usual = ['--require', '@opentelemetry/auto-instrumentations-node/register'];
const ours = ['--import', '@app/telemetry/register'];
const all = Object.keys(routes);

/**
 * Who is measured, in the order of the table. All are compared with the first.
 *
 * `logged` and `sampled` are the shares of requests that must be logged and traced, `spans` the spans of a traced request on each route.
 * A contestant that does otherwise is cheating or broken, and the run fails. `quickRoutes` are the routes of the quick form.
 */
export const contestants = [
  { name: 'bare', title: 'bare Nest + Fastify', script: 'bare', routes: all },
  { name: 'control', title: 'the same once more: A/A control', script: 'bare', routes: all },
  {
    name: 'logs',
    title: '+ a log line for each request, from a hook',
    script: 'logs',
    routes: ['order'],
    quickRoutes: [],
    logged: 1,
  },
  {
    name: 'metrics',
    title: '+ a histogram, bound to its labels',
    script: 'metrics',
    routes: ['order'],
    quickRoutes: [],
  },
  ...[0, 0.1, 1].map((sampled) => ({
    name: `traces-${sampled * 100}`,
    title: `+ a server span from a hook, ${sampled * 100} % sampled`,
    script: 'traces',
    routes: ['order'],
    quickRoutes: [],
    sampled,
    spans: { order: 1 },
  })),
  {
    name: 'ours',
    title: 'our whole service',
    script: 'ours',
    preload: ours,
    routes: all,
    logged: 1,
    sampled: 0.1,
    spans: { order: 1, payment: 2, row: 2 },
  },
  {
    name: 'ours-logs-10',
    title: 'our whole service, 10 % of requests logged',
    script: 'ours',
    preload: ours,
    env: { LOG_REQUESTS_RATIO: '0.1' },
    routes: ['order'],
    logged: 0.1,
    sampled: 0.1,
    spans: { order: 1 },
  },
  {
    name: 'usual-fastify',
    title: 'the usual stack on Fastify',
    script: 'usual-fastify',
    preload: usual,
    routes: all,
    quickRoutes: ['order'],
    logged: 1,
    sampled: 0.1,
    spans: { order: 1, payment: 2, row: 3 },
  },
  {
    name: 'usual-express',
    title: 'the usual stack on Express',
    script: 'usual-express',
    preload: usual,
    routes: all,
    quickRoutes: ['order'],
    logged: 1,
    sampled: 0.1,
    spans: { order: 8, payment: 9, row: 10 },
  },
];
