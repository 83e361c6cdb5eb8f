import type { Socket } from 'node:net';
import type { LoadLimit } from '@app/resilience';
import { observeRefusal, observeRequests } from '@app/telemetry';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ServiceConfig } from '../config/service.env.js';
import type { Faults } from '../faults/faults.js';
import { injectFaults } from '../faults/inject-faults.js';
import { ProblemException, toProblem } from '../problems/problem.js';
import { AllowedMethods } from './allowed-methods.js';
import { limitLoad } from './limit-load.js';
import { openDeadline } from './open-deadline.js';
import { requestTimeouts } from './request-timeouts.js';
import type { RequestsInFlight } from './requests-in-flight.js';

export interface InboundOptions {
  trustInboundHeaders: boolean;
  inFlight: RequestsInFlight;
  /** Without one, all that comes is taken on. */
  load?: LoadLimit | undefined;
  /** Only where faults are enabled. */
  faults?: Faults | undefined;
}

/** The way of a request into the house, outermost first. */
export const inbound: readonly ((fastify: FastifyInstance, options: InboundOptions & ServiceConfig) => void)[] = [
  observeRequests,
  openDeadline,
  limitLoad,
  refuseUnknownRoutes,
  injectFaults,
];

/** Fastify under Nest, with every wait and size bounded. */
export function createAdapter(config: ServiceConfig, options: InboundOptions): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: config.bodyLimitBytes,
    requestTimeout: config.requestTimeoutMs,
    http: requestTimeouts(config),
    keepAliveTimeout: config.keepAliveTimeoutMs,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    clientErrorHandler: answerUnreadable,
    frameworkErrors: answerImpossiblePath,
  });
  const fastify = adapter.getInstance() as unknown as FastifyInstance;
  fastify.removeContentTypeParser('text/plain');
  for (const register of inbound) register(fastify, { ...config, ...options });
  return adapter;
}

/** 405 with `Allow` where the path exists with another method. Unknown paths are left to Nest's 404. */
function refuseUnknownRoutes(fastify: FastifyInstance): void {
  const allowed = new AllowedMethods(fastify);
  fastify.addHook('onRequest', (request, _reply, done) => {
    if (request.routeOptions.url !== undefined) return done();
    const methods = allowed.of(request.url.split('?', 1)[0] ?? '');
    if (methods.length === 0) return done();
    done(
      new ProblemException({
        status: 405,
        code: 'method_not_allowed',
        detail: `${request.method} is not possible here; use ${methods.join(', ')}.`,
        headers: { allow: methods.join(', ') },
      }),
    );
  });
}

/** Paths that the router itself refuses, before any hook runs. */
function answerImpossiblePath(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const init =
    error.code === 'FST_ERR_MAX_PARAM_LENGTH'
      ? { status: 414, code: 'path_too_long', detail: 'A part of the path is longer than this service accepts.' }
      : { status: 400, code: 'bad_request', detail: 'The path is not a valid URL.' };
  observeRefusal(request.method, init.status, init.code);
  void reply
    .status(init.status)
    .type('application/problem+json')
    .send(toProblem(init, { path: request.url }));
}

const unreadable: Record<string, { status: number; code: string; detail: string }> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: 'headers_too_large',
    detail: 'The request headers are larger than this service accepts.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, code: 'request_timeout', detail: 'The request took too long to arrive.' },
};

/** What is not even HTTP never becomes a request: it is answered on the socket, and the connection ends. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const init = unreadable[error.code ?? ''] ?? {
    status: 400,
    code: 'bad_request',
    detail: 'The request is not readable HTTP.',
  };
  observeRefusal('', init.status, init.code);
  const problem = toProblem(init, { path: '' });
  const body = JSON.stringify(problem);
  socket.end(
    [
      `HTTP/1.1 ${init.status} ${problem.title}`,
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
