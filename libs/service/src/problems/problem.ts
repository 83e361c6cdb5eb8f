import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';

/** One invalid field: where it is (`items.0.quantity`) and what is wrong with it. */
export interface FieldError {
  path: string;
  message: string;
}

/** What an error answer says. @see https://www.rfc-editor.org/rfc/rfc9457 */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  /** Path of the request. */
  instance: string;
  /** Stable and machine-readable: `out_of_stock`. */
  code: string;
  traceId?: string;
  errors?: FieldError[];
}

export interface ProblemInit {
  status: number;
  code: string;
  detail: string;
  errors?: FieldError[];
  /** Further members of the document, such as the id of an order. */
  extensions?: Record<string, unknown>;
  /** Headers of the answer, such as `allow` or `retry-after`. */
  headers?: Record<string, string>;
  cause?: unknown;
}

/** Throw it anywhere to answer with a problem document. */
export class ProblemException extends HttpException {
  constructor(readonly init: ProblemInit) {
    super(init.detail, init.status, { cause: init.cause });
  }
}

const standardMembers = new Set(['type', 'title', 'status', 'detail', 'instance', 'code', 'traceId', 'errors']);

/** The document for an error, for the request at `path`. */
export function toProblem(
  { status, code, detail, errors, extensions }: ProblemInit,
  request: { path: string; traceId?: string },
): Problem {
  return {
    type: `urn:problem-type:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    instance: request.path,
    code,
    ...(request.traceId && !/^0+$/.test(request.traceId) && { traceId: request.traceId }),
    ...(errors && { errors }),
    // RFC 9457 lets a problem type add members; they cannot replace the standard ones.
    ...Object.fromEntries(Object.entries(extensions ?? {}).filter(([name]) => !standardMembers.has(name))),
  };
}
