import { currentDeadline, type ResilienceClients } from '@app/resilience';
import type { FastifyInstance } from 'fastify';
import { ProblemException } from '../problems/problem.js';
import type { RequestFault } from './fault.schema.js';
import type { Faults } from './faults.js';

/** Lets faults meet the requests that come in, after all that a real handler comes after. Without `faults` there is nothing in the way. */
export function injectFaults(fastify: FastifyInstance, { faults }: { faults?: Faults | undefined }): void {
  if (!faults) return;
  fastify.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) if (each !== 'HEAD') faults.routes.add(`${each} ${url}`);
  });
  const never = new AbortController().signal;
  fastify.addHook('preHandler', async (request, reply) => {
    const { method, url = '' } = request.routeOptions;
    const signal = currentDeadline()?.signal ?? never;
    const fault = await faults.meet({ route: `${method} ${url}` }, signal).catch((error) => {
      // Its deadline has passed, and its client has been told.
      if (signal.aborted) return undefined;
      throw error;
    });
    if (reply.sent) return;
    if (fault?.kind === 'status') throw new ProblemException(problemOf(fault));
    if (fault?.kind === 'reset') {
      reply.hijack();
      request.raw.socket.resetAndDestroy();
    }
  });
}

/** Lets faults meet the calls to other services, inside of breaker and attempt timeout, where real ones are. */
export function injectFaultsIntoClients(clients: ResilienceClients, faults: Faults): void {
  for (const [client, { injectFaults }] of clients) {
    if (!injectFaults) continue;
    faults.clients.add(client);
    injectFaults(async (signal) => {
      const fault = await faults.meet({ client }, signal);
      if (fault?.kind === 'reset') throw Object.assign(new Error('reset by a fault'), { code: 'ECONNRESET' });
      return fault?.kind === 'status' ? fault.status : undefined;
    });
  }
}

function problemOf({ status }: Extract<RequestFault, { kind: 'status' }>) {
  return { status, code: 'fault_injected', detail: 'Somebody wants to see how this failure is borne.' };
}
