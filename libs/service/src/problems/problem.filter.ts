import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import { trace } from '@opentelemetry/api';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PinoLogger } from 'nestjs-pino';
import { classify } from './classify.js';
import { sendProblem } from './send-problem.js';

/** Answers every error with a problem document, and logs those that are ours. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: PinoLogger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const init = classify(error);
    const span = trace.getActiveSpan();

    if (init.status >= 500) {
      this.logger.error({ err: error, code: init.code }, 'request failed');
      span?.recordException(error instanceof Error ? error : String(error));
    }
    // Sent already where the deadline answered first, and what it stopped fails only now.
    if (!reply.sent) sendProblem(request, reply, init, span?.spanContext().traceId);
  }
}
