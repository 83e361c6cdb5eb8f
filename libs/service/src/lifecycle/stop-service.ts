import { logger, shutdownTracing } from '@app/telemetry';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { ServiceConfig } from '../config/service.env.js';
import type { Lifecycle } from './lifecycle.js';

const closeIdleEveryMs = 50;

export interface RunningService {
  app: NestFastifyApplication;
  admin: FastifyInstance;
  lifecycle: Lifecycle;
  config: ServiceConfig;
}

/**
 * Stops in order: not ready, no new connections, requests in flight end, workers stop, pools close, spans are sent, admin closes.
 * Nest alone would close the pools first: it runs `onModuleDestroy` before its server has drained.
 *
 * @returns whether all requests in flight, all workers and pools ended in time
 */
export async function stopService({ app, admin, lifecycle, config }: RunningService): Promise<boolean> {
  lifecycle.stopping();
  const server = app.getHttpServer();
  // A connection whose last request has ended stays open until its client or we close it.
  const closeIdle = setInterval(() => server.closeIdleConnections(), closeIdleEveryMs);
  const drained = await within(config.drainTimeoutMs, app.getHttpAdapter().getInstance().close());
  clearInterval(closeIdle);
  if (!drained) {
    logger.error({ drainTimeoutMs: config.drainTimeoutMs }, 'requests in flight were cut short');
    server.closeAllConnections();
  }
  const closed = await within(config.drainTimeoutMs, app.close());
  if (!closed) logger.error({ drainTimeoutMs: config.drainTimeoutMs }, 'workers and pools did not end in time');
  await shutdownTracing(config.flushTimeoutMs);
  await admin.close();
  return drained && closed;
}

async function within(timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, false);
  });
  try {
    return await Promise.race([work.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
