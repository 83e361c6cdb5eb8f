import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ProblemInit, toProblem } from './problem.js';

/** Answers with a problem document. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, init: ProblemInit, traceId?: string): void {
  const path = request.url.split('?', 1)[0] ?? request.url;
  void reply
    .status(init.status)
    .headers(init.headers ?? {})
    .type('application/problem+json')
    .send(toProblem(init, { path, traceId }));
}
