import {
  type IdempotencyCode,
  isIdempotencyError,
  isResilienceError,
  type MaybeOverloaded,
  type ResilienceCode,
} from '@app/resilience';
import { HttpException } from '@nestjs/common';
import { isAxiosError } from 'axios';
import { ProblemException, type ProblemInit } from './problem.js';

/** What Fastify refuses before a handler runs, in our codes. */
const fastifyErrors: Record<string, Pick<ProblemInit, 'code' | 'detail'>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: 'body_too_large',
    detail: 'The request body is larger than this service accepts.',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { code: 'unsupported_media_type', detail: 'Send the body as application/json.' },
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'malformed_json', detail: 'The request body is not valid JSON.' },
  FST_ERR_CTP_EMPTY_JSON_BODY: {
    code: 'malformed_json',
    detail: 'The request body is empty, but its content type is application/json.',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'bad_request',
    detail: 'The request body is not as long as Content-Length says.',
  },
};

const codesByStatus: Record<number, string> = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  409: 'conflict',
  413: 'body_too_large',
  415: 'unsupported_media_type',
  422: 'unprocessable',
  429: 'too_many_requests',
  503: 'unavailable',
};

/** Tells tiers above that retries were spent here already. @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter */
export const overloaded = { 'x-envoy-overloaded': 'true' };

const tooLate = {
  status: 504,
  code: 'deadline_exceeded',
  detail: 'A service that this one depends on did not answer in time.',
};
const notNow = {
  status: 503,
  code: 'unavailable',
  detail: 'A service that this one depends on is not available at the moment.',
};
const resilienceProblems: Record<ResilienceCode, ProblemInit> = {
  deadline_exceeded: tooLate,
  attempt_timeout: tooLate,
  circuit_open: notNow,
  bulkhead_full: notNow,
  unavailable: notNow,
  cancelled: notNow,
};

const idempotencyStatuses: Record<IdempotencyCode, number> = {
  idempotency_key_missing: 400,
  idempotency_key_invalid: 400,
  idempotency_key_reused: 422,
  idempotency_key_busy: 503,
};

/** The one place that decides which answer an error gets. Whatever is unknown is a 500 that says nothing of its inside. */
export function classify(error: unknown): ProblemInit {
  if (error instanceof ProblemException) return error.init;
  const fastify = fastifyErrors[fastifyCode(error)];
  if (fastify)
    return {
      status: (error as { statusCode?: number }).statusCode ?? (error as HttpException).getStatus(),
      ...fastify,
    };
  if (error instanceof HttpException && error.getStatus() >= 500) {
    const status = error.getStatus();
    return {
      status,
      code: codesByStatus[status] ?? 'internal',
      detail: 'This service cannot answer. The trace id leads to the log.',
    };
  }
  if (error instanceof HttpException) {
    return {
      status: error.getStatus(),
      code: codesByStatus[error.getStatus()] ?? 'bad_request',
      detail: error.message,
    };
  }
  if (isResilienceError(error)) {
    return { ...resilienceProblems[error.code], headers: { ...overloaded, ...retryAfter(error) } };
  }
  if (isIdempotencyError(error)) {
    const { code, message } = error;
    return {
      status: idempotencyStatuses[code],
      code,
      detail: message,
      errors: [{ path: 'Idempotency-Key', message }],
      headers: retryAfter(error),
    };
  }
  if (isAxiosError(error)) {
    const headers = (error as MaybeOverloaded).overloaded ? overloaded : undefined;
    return error.code === 'ETIMEDOUT'
      ? {
          headers,
          status: 504,
          code: 'upstream_timeout',
          detail: 'A service that this one depends on did not answer in time.',
        }
      : { headers, status: 502, code: 'upstream_failed', detail: 'A service that this one depends on failed.' };
  }
  return { status: 500, code: 'internal', detail: 'Something went wrong here. The trace id leads to the log.' };
}

function retryAfter({ retryAfterMs }: { retryAfterMs?: number }): Record<string, string> {
  return retryAfterMs === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) };
}

function fastifyCode(error: unknown): string {
  const { code, cause } = (error ?? {}) as { code?: string; cause?: { code?: string } };
  return cause?.code ?? code ?? '';
}
