import { setTimeout as sleep } from 'node:timers/promises';
import type { Registration } from '@app/discovery';
import { stopWorkers } from '@app/health';
import { logger, shutdownTracing } from '@app/telemetry';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { ServiceConfig } from '../config/service.env.js';
import type { RequestsInFlight } from '../http/requests-in-flight.js';
import type { Lifecycle } from './lifecycle.js';

const closeIdleEveryMs = 50;
/** How long the answers to requests that were cut short may take to leave. */
const lastAnswersMs = 500;

export interface RunningService {
  app: NestFastifyApplication;
  admin: FastifyInstance;
  lifecycle: Lifecycle;
  inFlight: RequestsInFlight;
  registration: Registration;
  config: ServiceConfig;
}

/**
 * Stops in order: out of the registry; not ready, but serving on until routers have noticed; then no new connections, requests in flight end, workers end or
 * hand back what they have, spans are sent, pools close, the admin port closes. Nest alone would close the pools first: it runs
 * `onModuleDestroy` before its server has drained.
 *
 * @param hurry ends every wait for others when it aborts
 * @returns whether everything ended in time
 */
export async function stopService(
  { app, admin, lifecycle, inFlight, registration, config }: RunningService,
  hurry: AbortSignal = new AbortController().signal,
): Promise<boolean> {
  const { shutdownDelayMs, drainTimeoutMs, flushTimeoutMs } = config;
  const bound = (timeoutMs: number) => AbortSignal.any([hurry, AbortSignal.timeout(timeoutMs)]);

  const left = bound(config.discovery.timeoutMs);
  await endsBefore(registration.leave(left), left);
  lifecycle.stopping();
  inFlight.closeConnections();
  await sleep(shutdownDelayMs, undefined, { signal: hurry }).catch(() => undefined);

  const drained = await drain(app, inFlight, bound(drainTimeoutMs));

  const unfinished = await stopWorkers(bound(drainTimeoutMs));
  if (unfinished.length > 0) logger.warn({ workers: unfinished }, 'workers handed back what they had begun');

  await shutdownTracing(flushTimeoutMs);

  const closed = await endsBefore(app.close(), bound(drainTimeoutMs));
  if (!closed) logger.error({ drainTimeoutMs }, 'pools and clients did not close in time');
  await admin.close();
  return drained && closed;
}

/** Closes the listener and waits for the requests in flight; what is left at the bound is cut short. */
async function drain(app: NestFastifyApplication, inFlight: RequestsInFlight, until: AbortSignal): Promise<boolean> {
  const server = app.getHttpServer();
  // A connection whose last request has ended stays open until its client or we close it.
  const closeIdle = setInterval(() => server.closeIdleConnections(), closeIdleEveryMs);
  const closing: Promise<unknown> = app.getHttpAdapter().getInstance().close();
  const drained = await endsBefore(closing, until);
  if (!drained) {
    const requests = inFlight.cutShort();
    logger.error({ requests }, 'requests in flight were cut short');
    await endsBefore(closing, AbortSignal.timeout(lastAnswersMs));
    server.closeAllConnections();
  }
  clearInterval(closeIdle);
  return drained;
}

async function endsBefore(work: Promise<unknown>, until: AbortSignal): Promise<boolean> {
  const over = Promise.withResolvers<boolean>();
  until.addEventListener('abort', () => over.resolve(false));
  if (until.aborted) over.resolve(false);
  return Promise.race([work.then(() => true), over.promise]);
}
