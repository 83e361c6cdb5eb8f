import { collectDefaultMetrics, Histogram } from 'prom-client';
import { serve } from './plain.js';

type Bound = ReturnType<Histogram['labels']>;

const durations = new Histogram({
  name: 'http_server_request_duration_seconds',
  help: 'Duration of inbound HTTP requests.',
  labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
});
const bound = new Map<string, Bound>();
collectDefaultMetrics();

/** One histogram by method, route and status, each series bound to its labels when it is first seen. */
await serve((fastify) => {
  fastify.addHook('onResponse', ({ method, routeOptions: { url: route = '' } }, { statusCode, elapsedTime }, done) => {
    const key = `${method} ${route} ${statusCode}`;
    const series = bound.get(key) ?? durations.labels(method, route, String(statusCode));
    bound.set(key, series);
    series.observe(elapsedTime / 1000);
    done();
  });
});
