/** What a policy may refuse or end a call with. */
export const resilienceCodes = {
  deadline_exceeded: 'The time that the call had is over.',
  attempt_timeout: 'One attempt took longer than it may.',
  circuit_open: 'The circuit breaker is open: the service has been failing.',
  bulkhead_full: 'Too many calls to the service are under way already.',
  unavailable: 'It cannot be reached, or does not answer.',
  cancelled: 'The caller no longer wants the answer.',
} as const;

export type ResilienceCode = keyof typeof resilienceCodes;

export interface ResilienceErrorInit {
  code: ResilienceCode;
  /** Name of the client or policy, such as `payments`. */
  client: string;
  /** When it may be worth trying again, in milliseconds from now. */
  retryAfterMs?: number;
  cause?: unknown;
}

/** The one error of every policy. Tell them apart by `code`, not by class: {@link isResilienceError}. */
export class ResilienceError extends Error {
  readonly code: ResilienceCode;
  readonly client: string;
  readonly retryAfterMs?: number;

  constructor({ code, client, retryAfterMs, cause }: ResilienceErrorInit) {
    // A refusal says where it comes from by its client and code. Its stack would cost more than all else that a refusal does.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(`${client}: ${resilienceCodes[code]}`, cause === undefined ? undefined : { cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'ResilienceError';
    this.code = code;
    this.client = client;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Whether an error is one of a policy's, and with this code where one is given. Works across copies of this package. */
export function isResilienceError(error: unknown, code?: ResilienceCode): error is ResilienceError {
  const given = (error as { name?: string; code?: ResilienceCode } | null)?.name === 'ResilienceError';
  return given && (code === undefined || (error as ResilienceError).code === code);
}
