import type { HealthReport, HealthService } from '@app/health';
import type { ResilienceClients } from '@app/resilience';
import { logger, logLevels, registry, setLogLevel } from '@app/telemetry';
import { fastify as createFastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ServiceConfig } from '../config/service.env.js';
import { faultSchema } from '../faults/fault.schema.js';
import type { Faults } from '../faults/faults.js';
import { requestTimeouts } from '../http/request-timeouts.js';
import type { Lifecycle } from '../lifecycle/lifecycle.js';
import { classify } from '../problems/classify.js';
import { ProblemException, toProblem } from '../problems/problem.js';
import { validationErrors } from '../problems/validation.js';
import { refusalOf } from './admin.guard.js';
import { resilienceView } from './resilience.view.js';

const breakerBody = z.strictObject({ action: z.enum(['force-open', 'force-closed', 'reset']) });
const logLevelBody = z.strictObject({ level: z.enum(logLevels) });

/**
 * What operators and machines ask of a service, on a port of its own: `/livez`, `/readyz`, `/healthz`, `/metrics` and controls.
 * It serves no business, is neither logged nor traced, and is the last thing to close.
 */
export function createAdminServer(
  config: ServiceConfig,
  lifecycle: Lifecycle,
  health: HealthService,
  clients: ResilienceClients,
  faults?: Faults,
): FastifyInstance {
  const admin = createFastify({
    bodyLimit: 16 * 1024,
    requestTimeout: config.requestTimeoutMs,
    http: requestTimeouts(config),
    forceCloseConnections: true,
  });

  admin.addHook('onRequest', async (request) => {
    if (request.method === 'GET' || request.method === 'HEAD') return;
    const refusal = refusalOf(
      { remoteAddress: request.socket.remoteAddress, headers: request.headers },
      config.adminToken,
    );
    if (refusal) throw new ProblemException({ status: 403, code: 'forbidden', detail: refusal });
  });

  admin.get('/livez', async (_request, reply) => answer(reply, health.live()));
  admin.get('/readyz', async (_request, reply) => answer(reply, inPhase(lifecycle) ?? (await health.ready())));
  admin.get('/healthz', async (_request, reply) => {
    const report = answer(reply, inPhase(lifecycle) ?? (await health.deep()));
    return faults ? { ...report, faults: faults.list() } : report;
  });

  admin.get('/metrics', async (_request, reply) => {
    reply.type(registry.contentType);
    return registry.metrics();
  });

  admin.get('/resilience', async () => resilienceView(clients));
  admin.post<{ Params: { client: string } }>('/resilience/:client/breaker', async ({ params, body }) => {
    const breaker = clients.get(params.client)?.breaker;
    if (!breaker)
      throw new ProblemException({
        status: 404,
        code: 'not_found',
        detail: `There is no circuit breaker of ${params.client}.`,
      });
    const { data, error } = breakerBody.safeParse(body);
    if (error) throw validationErrors(error.issues);
    if (data.action === 'force-open') breaker.forceOpen();
    else if (data.action === 'force-closed') breaker.forceClosed();
    else breaker.reset();
    return resilienceView(clients)[params.client];
  });

  admin.get('/log-level', async () => ({ level: logger.level }));
  admin.post('/log-level', async (request) => {
    const { data, error } = logLevelBody.safeParse(request.body);
    if (error) throw validationErrors(error.issues);
    setLogLevel(data.level);
    return { level: data.level };
  });

  if (faults) {
    admin.get('/faults', async () => faults.list());
    admin.post('/faults', async ({ body }) => {
      const { data, error } = faultSchema.safeParse(body);
      if (error) throw validationErrors(error.issues);
      const unknown = faults.unknownTarget(data);
      if (unknown) throw validationErrors([unknown]);
      faults.add(data);
      return faults.list();
    });
    admin.delete('/faults', async () => {
      faults.clear();
      return faults.list();
    });
  }

  admin.setNotFoundHandler((request, reply) => {
    answerProblem(
      new ProblemException({ status: 404, code: 'not_found', detail: 'No such admin page.' }),
      request,
      reply,
    );
  });
  admin.setErrorHandler(answerProblem);
  return admin;
}

type Report = Omit<HealthReport, 'status'> & { status: HealthReport['status'] | 'starting' };

/** A service that starts or stops wants no requests, however well it is. */
function inPhase({ phase }: Lifecycle): Report | undefined {
  if (phase === 'serving') return undefined;
  return { status: phase === 'stopping' ? 'shutting_down' : 'starting', info: {}, error: {}, details: {} };
}

/** The status alone is enough for a machine. */
function answer(reply: FastifyReply, report: Report): Report {
  reply.status(report.status === 'ok' || report.status === 'degraded' ? 200 : 503).header('cache-control', 'no-store');
  return report;
}

function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const init = classify(error);
  if (init.status >= 500) logger.error({ err: error }, 'admin request failed');
  void reply
    .status(init.status)
    .type('application/problem+json')
    .send(toProblem(init, { path: request.url }));
}
