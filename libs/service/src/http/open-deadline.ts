import { Deadline, deadlineHeader, runWithDeadline } from '@app/resilience';
import { catalogue, counter } from '@app/telemetry';
import { trace } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { classify } from '../problems/classify.js';
import { sendProblem } from '../problems/send-problem.js';
import type { RequestsInFlight } from './requests-in-flight.js';

export interface OpenDeadlineOptions {
  /** Whether a caller's {@link deadlineHeader} may shorten the deadline. It can never lengthen it. */
  trustInboundHeaders: boolean;
  /** How long a request may take. */
  requestDeadlineMs: number;
  inFlight: RequestsInFlight;
}

/** Reading does not change anything: who no longer waits for it needs no end of it. A write runs on to its own deadline. */
const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Gives each request its deadline, from its headers on, so that a slow body counts too. When the time is over the caller is told so
 * at once, and what the request still does is stopped.
 */
export function openDeadline(fastify: FastifyInstance, options: OpenDeadlineOptions): void {
  const exceeded = counter(catalogue.deadlinesExceeded);
  const { inFlight } = options;

  fastify.addHook('onRequest', (request, reply, done) => {
    const span = trace.getActiveSpan();
    const deadline = new Deadline(timeoutMs(request, options), 'request', (error) => {
      if (reply.sent) return;
      exceeded.inc({ place: 'inbound' });
      sendProblem(request, reply, classify(error), span?.spanContext().traceId);
    });
    const exchange = { request, reply, deadline, span };
    inFlight.begin(exchange);
    reply.raw.once('close', () => {
      inFlight.end(exchange);
      if (reply.raw.writableFinished) deadline.end();
      else if (safe.has(request.method)) deadline.cancel();
    });
    runWithDeadline(deadline, done);
  });
}

function timeoutMs(
  { headers }: FastifyRequest,
  { trustInboundHeaders, requestDeadlineMs }: OpenDeadlineOptions,
): number {
  const asked = trustInboundHeaders ? headers[deadlineHeader] : undefined;
  // Anything but a whole number of milliseconds says nothing. 0 means "no timeout" to Envoy, which does not lengthen ours.
  if (typeof asked !== 'string' || !/^[1-9]\d{0,8}$/.test(asked)) return requestDeadlineMs;
  return Math.min(requestDeadlineMs, Number(asked));
}
