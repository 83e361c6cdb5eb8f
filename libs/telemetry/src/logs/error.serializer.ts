import { redactCredentials } from './redaction.js';

interface SerializedError {
  type: string;
  message: string;
  code?: string;
  stack?: string;
  cause?: SerializedError;
}

/**
 * What a log line says of an error: its type, message, code, stack and causes, and nothing else.
 * An allow-list, because errors of HTTP clients carry whole requests, with their credentials.
 */
export function serializeError(error: unknown, depth = 4): SerializedError {
  if (!(error instanceof Error)) return { type: typeof error, message: redactCredentials(String(error)) };
  const { code } = error as { code?: unknown };
  return {
    type: error.constructor.name,
    message: redactCredentials(error.message),
    ...(typeof code === 'string' && { code }),
    stack: redactCredentials(error.stack ?? ''),
    ...(error.cause !== undefined && depth > 1 && { cause: serializeError(error.cause, depth - 1) }),
  };
}
