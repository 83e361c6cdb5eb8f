import { context, type Span, SpanKind, trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import type { FastifyRequest } from 'fastify';
import { serve } from './plain.js';

new NodeSDK().start();

const tracer = trace.getTracer('bench');
const spanOf = Symbol('span');
type Traced = FastifyRequest & { [spanOf]?: Span };

/** One server span for each request, from a hook, and the handler runs in its context. */
await serve((fastify) => {
  fastify.addHook('onRequest', (request: Traced, _reply, done) => {
    const route = request.routeOptions.url;
    const span = tracer.startSpan(`${request.method} ${route}`, {
      kind: SpanKind.SERVER,
      attributes: { 'http.request.method': request.method, 'http.route': route, 'url.path': request.url },
    });
    request[spanOf] = span;
    context.with(trace.setSpan(context.active(), span), done);
  });
  fastify.addHook('onResponse', (request: Traced, reply, done) => {
    request[spanOf]?.setAttribute('http.response.status_code', reply.statusCode).end();
    done();
  });
});
