import {
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { logger as processLogger } from '../logs/logger.js';
import { requestLines } from '../logs/request.line.js';
import { activeRequests, clientClosedRequest, methodLabel, requestDurations } from './request.series.js';

export interface RequestTelemetryOptions {
  /** Whether `traceparent` of the caller is continued. Elsewhere a request starts a trace of its own, linked to the caller's. */
  trustInboundHeaders: boolean;
  /** Share of ordinary requests that are logged, in [0, 1]. Failed ones (400 and above) and slow ones (a second and above) always are. @default 1 */
  logRequestsRatio?: number;
  /** @default the process' logger */
  logger?: Logger;
}

/** The route of requests that match none; their URLs must never become labels. */
export const unmatchedRoute = '_unmatched';

const slowMs = 1_000;

interface Observed {
  span: Span;
  method: string;
  route: string;
  startedAt: number;
  active: { dec(): void };
}

const observed = Symbol('observed');
type ObservedRequest = FastifyRequest & { [observed]?: Observed };

/**
 * Everything that is recorded of an inbound request, in one place: one server span, one observation, one log line.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server
 */
export function observeRequests(fastify: FastifyInstance, options: RequestTelemetryOptions): void {
  const tracer = trace.getTracer('@app/telemetry');
  const durations = requestDurations();
  const activeOf = activeRequests();
  const { logger = processLogger, logRequestsRatio = 1 } = options;
  const log = requestLines(logger);

  fastify.addHook('onRequest', (request: ObservedRequest, reply, done) => {
    const method = methodLabel(request.method);
    const route = request.routeOptions.url ?? unmatchedRoute;
    const span = startSpan(request, method, route);
    const active = activeOf(method);
    active.inc();
    request[observed] = { span, method, route, startedAt: performance.now(), active };
    // Fastify's onRequestAbort knows nothing of clients that go away after their body has arrived.
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) finish(request, clientClosedRequest);
    });
    context.with(trace.setSpan(context.active(), span), done);
  });

  fastify.addHook('onResponse', (request: ObservedRequest, reply, done) => {
    finish(request, reply.statusCode, reply);
    done();
  });

  function startSpan(request: FastifyRequest, method: string, route: string): Span {
    const remote = request.headers.traceparent ? propagation.extract(ROOT_CONTEXT, request.headers) : ROOT_CONTEXT;
    const caller = trace.getSpanContext(remote);
    const span = tracer.startSpan(
      route === unmatchedRoute ? method : `${method} ${route}`,
      { kind: SpanKind.SERVER, links: caller && !options.trustInboundHeaders ? [{ context: caller }] : undefined },
      options.trustInboundHeaders ? remote : ROOT_CONTEXT,
    );
    // Not given at the start: most spans are not recorded, and the samplers of OTEL_TRACES_SAMPLER look at none of these.
    if (span.isRecording()) {
      span.setAttributes({
        'http.request.method': method,
        'http.route': route === unmatchedRoute ? undefined : route,
        'url.path': pathOf(request.url),
        'url.scheme': 'http',
        'server.address': request.hostname,
        'server.port': request.port ?? undefined,
        'user_agent.original': request.headers['user-agent'],
        'network.protocol.version': request.raw.httpVersion,
      });
    }
    return span;
  }

  function finish(request: ObservedRequest, status: number, reply?: FastifyReply): void {
    const seen = request[observed];
    if (!seen) return;
    request[observed] = undefined;
    const { span, method, route } = seen;
    const durationMs = performance.now() - seen.startedAt;
    const spanContext = span.spanContext();

    seen.active.dec();
    durations.observe(route, method, status, durationMs / 1000, spanContext);

    if (reply) span.setAttribute('http.response.status_code', status);
    if (status >= 500 || !reply)
      span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', String(status));
    span.end();

    const ordinary = status < 400 && durationMs < slowMs;
    const traced = isSpanContextValid(spanContext);
    if (ordinary && !isChosen(traced ? spanContext.traceId : undefined, logRequestsRatio)) return;
    log(status >= 500 ? 'error' : 'info', {
      traceId: spanContext.traceId,
      spanId: spanContext.spanId,
      method,
      route,
      path: pathOf(request.url),
      status,
      durationMs: Math.round(durationMs * 100) / 100,
      message: reply ? 'request completed' : 'client went away',
    });
  }
}

/** The trace id draws the lot, so that the services of one trace log it all or not at all. @see https://www.w3.org/TR/trace-context-2/#random-trace-id-flag */
function isChosen(traceId: string | undefined, ratio: number): boolean {
  if (ratio === 1) return true;
  return traceId ? Number.parseInt(traceId.slice(-8), 16) < ratio * 2 ** 32 : Math.random() < ratio;
}

/** Without the query, which may hold what nobody should read in a log. */
function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}
