import { isResilienceError } from '@app/resilience';
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

    // Its client went away, so it was stopped: the request's line and span say so already.
    const stopped = reply.raw.destroyed && isResilienceError(error, 'cancelled');
    if (init.status >= 500 && !stopped) {
      this.logger.error({ err: error, code: init.code }, 'request failed');
      if (span?.isRecording()) span.recordException(error instanceof Error ? error : String(error));
    }
    // Sent already where the deadline answered first, and what it stopped fails only now.
    if (!reply.sent) sendProblem(request, reply, init, span?.spanContext().traceId);
  }
}
