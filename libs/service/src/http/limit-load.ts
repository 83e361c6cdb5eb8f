import { type LoadLimit, type Priority as PriorityLevel, turnMs } from '@app/resilience';
import { catalogue, gauge } from '@app/telemetry';
import { RouteConfig } from '@nestjs/platform-fastify';
import { trace } from '@opentelemetry/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { overloaded } from '../problems/classify.js';
import { sendProblem } from '../problems/send-problem.js';

const refusal = {
  status: 503,
  code: 'overloaded',
  detail: 'This service has more to do than it can at the moment, and has not begun with this request.',
  headers: { ...overloaded, 'retry-after': '1' },
};

/**
 * What matters more, and less, when a service has more to do than it can: `low` is refused first, `high` last.
 * @default normal
 */
export const Priority = (priority: PriorityLevel): MethodDecorator => RouteConfig({ priority });

/** Refuses what is too much, before its body is read. */
export function limitLoad(fastify: FastifyInstance, { load }: { load?: LoadLimit | undefined }): void {
  if (!load) return;
  gauge(catalogue.loadLimit, (metric) => metric.set(load.limit));
  gauge(catalogue.loadAdmitted, (metric) => metric.set(load.share));
  watchEventLoop(fastify, load);

  const refuse = (request: FastifyRequest, reply: FastifyReply) =>
    sendProblem(request, reply, refusal, trace.getActiveSpan()?.spanContext().traceId);

  fastify.addHook('onRequest', (request, reply, done) => {
    if (load.refuses(priorityOf(request))) refuse(request, reply);
    else done();
  });
  // Only now, with its body there: who sends that slowly takes no place from others.
  fastify.addHook('preValidation', (request, reply, done) => {
    if (reply.raw.closed) return done();
    if (load.enter(priorityOf(request))) return refuse(request, reply);
    const startedAt = performance.now();
    reply.raw.once('close', () => load.leave(startedAt, performance.now()));
    done();
  });
}

function priorityOf({ routeOptions }: FastifyRequest): PriorityLevel {
  return (routeOptions.config as { priority?: PriorityLevel }).priority ?? 'normal';
}

function watchEventLoop(fastify: FastifyInstance, load: LoadLimit): void {
  let dueAt = performance.now() + turnMs;
  const timer = setInterval(() => {
    const now = performance.now();
    load.turn(now - dueAt, now);
    dueAt = now + turnMs;
  }, turnMs).unref();
  fastify.addHook('onClose', async () => clearInterval(timer));
}
