import { type Deadline, goingHeader } from '@app/resilience';
import { logger } from '@app/telemetry';
import type { Span } from '@opentelemetry/api';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from '../problems/send-problem.js';

interface Exchange {
  request: FastifyRequest;
  reply: FastifyReply;
  deadline: Deadline;
  span?: Span;
}

/** The requests that are being served, for the time when the service stops. */
export class RequestsInFlight {
  private readonly exchanges = new Set<Exchange>();
  private lastOfConnection = false;

  get size(): number {
    return this.exchanges.size;
  }

  begin(exchange: Exchange): void {
    if (this.lastOfConnection) exchange.reply.headers(farewell);
    this.exchanges.add(exchange);
  }

  end(exchange: Exchange): void {
    this.exchanges.delete(exchange);
  }

  /** From now on each answer asks its client to send the next request elsewhere. */
  closeConnections(): void {
    this.lastOfConnection = true;
    for (const { reply } of this.exchanges) if (!reply.sent) reply.headers(farewell);
  }

  /** Stops what is still under way and tells its clients, and the log, each by each. @returns how many there were */
  cutShort(): number {
    const cut = [...this.exchanges];
    for (const { request, reply, deadline, span } of cut) {
      const traceId = span?.spanContext().traceId;
      const what = { method: request.method, route: request.routeOptions.url, trace_id: traceId };
      logger.error(what, 'request cut short by the stop');
      if (!reply.sent) sendProblem(request, reply, stopping, traceId);
      deadline.cancel();
    }
    return cut.length;
  }
}

/** For clients that choose among instances themselves, and for those that do not. */
const farewell = { connection: 'close', [goingHeader]: 'true' };

const stopping = {
  status: 503,
  code: 'shutting_down',
  detail: 'This service is stopping, and did not get this done in time.',
  headers: { 'retry-after': '1', ...farewell },
};
