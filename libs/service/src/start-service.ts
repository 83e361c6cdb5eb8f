import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Registration } from '@app/discovery';
import { HealthService } from '@app/health';
import { LoadLimit, ResilienceClients, ResilienceEvents } from '@app/resilience';
import { logger, registerRuntimeMetrics, serviceIdentity } from '@app/telemetry';
import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Logger } from 'nestjs-pino';
import { createAdminServer } from './admin/admin.server.js';
import { ConfigError } from './config/config.error.js';
import { Faults } from './faults/faults.js';
import { injectFaultsIntoClients } from './faults/inject-faults.js';
import { createAdapter } from './http/adapter.js';
import { serveApiDocs } from './http/api-docs.js';
import { RequestsInFlight } from './http/requests-in-flight.js';
import { Lifecycle } from './lifecycle/lifecycle.js';
import { stopOnSignals } from './lifecycle/stop-on-signals.js';
import type { RunningService } from './lifecycle/stop-service.js';
import { ServiceModule } from './service.module.js';

/**
 * Runs a service: its configuration is checked whole, then it is wired, then it listens. It stops in order on SIGTERM and SIGINT.
 * What makes a start impossible is said in one message, and the process exits with code 1.
 */
export async function startService(appModule: Type): Promise<void> {
  try {
    const service = await runService(appModule);
    stopOnSignals(service);
  } catch (error) {
    reportFailedStart(error);
    process.exit(1);
  }
}

/** Runs a command of a service, such as its migration: what it fails with is said in one message, and the process exits with code 1. */
export async function runCommand(command: () => Promise<unknown>): Promise<void> {
  try {
    await command();
  } catch (error) {
    reportFailedStart(error);
    process.exit(1);
  }
}

/** The same without signals and exit codes: for tests, which end it with `stopService`. */
export async function runService(appModule: Type): Promise<RunningService> {
  const { config: definition, trustInboundHeaders = false } = ServiceModule.optionsOf(appModule);
  const { service: config } = definition.parse();

  const inFlight = new RequestsInFlight();
  // Its listener is made with the application, which requests come after.
  const events: ResilienceEvents = { emit: (event) => listener.emit(event) };
  const load = config.loadLimit ? new LoadLimit(config.loadLimit, events) : undefined;
  const faults = config.faultsEnabled ? new Faults() : undefined;
  const app = await NestFactory.create<NestFastifyApplication>(
    appModule,
    createAdapter(config, { trustInboundHeaders, inFlight, load, faults }),
    {
      abortOnError: false,
      bodyParser: false,
      bufferLogs: true,
    },
  );
  app.useLogger(app.get(Logger));
  const listener = app.get(ResilienceEvents);
  if (config.apiDocs) await serveApiDocs(app);
  registerRuntimeMetrics();

  const lifecycle = app.get(Lifecycle);
  const health = app.get(HealthService);
  const clients = app.get(ResilienceClients);
  if (faults) {
    injectFaultsIntoClients(clients, faults);
    logger.warn('FAULTS_ENABLED: whoever may write to the admin port can make this service fail');
  }
  const admin = createAdminServer(config, lifecycle, health, clients, faults);
  await admin.listen({ port: config.adminPort, host: config.host });
  await app.listen(config.port, config.host);
  lifecycle.started();
  logger.info({ url: addressOf({ server: app.getHttpServer() }), admin: addressOf(admin) }, 'listening');
  void tellWhenReady(health, lifecycle, config.health.cacheMs);
  const registration = app.get(Registration);
  const { port } = app.getHttpServer().address() as AddressInfo;
  registration.start({ host: config.host, port, isReady: async () => (await health.ready()).status !== 'error' });
  return { app, admin, lifecycle, inFlight, registration, config };
}

/** A service starts without what it depends on, and becomes ready by itself; why it is not ready, the checks tell. */
async function tellWhenReady(health: HealthService, lifecycle: Lifecycle, everyMs: number): Promise<void> {
  while (lifecycle.phase === 'serving') {
    const { status } = await health.ready();
    if (status !== 'error') {
      logger.info('ready');
      return;
    }
    await sleep(everyMs, undefined, { ref: false });
  }
}

/** Errors that a person can mend say how, in `mend`; the rest are bugs, and show where they come from. */
function reportFailedStart(error: unknown): void {
  const { message, stack, code, mend, address, port } = error as Error & {
    code?: string;
    mend?: string;
    address?: string;
    port?: number;
  };
  const { name } = serviceIdentity();
  if (error instanceof ConfigError) process.stderr.write(`${message}\n`);
  else if (code === 'EADDRINUSE') {
    process.stderr.write(
      `${name} cannot start: ${address}:${port} is in use.\nStop what listens there, or set PORT and ADMIN_PORT to free ports.\n`,
    );
  } else if (mend) process.stderr.write(`${name} cannot start: ${message}\n${mend}\n`);
  else process.stderr.write(`${name} cannot start: ${stack}\n`);
}

function addressOf(server: { server: { address(): unknown } }): string {
  const { address, port, family } = server.server.address() as { address: string; port: number; family: string };
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
