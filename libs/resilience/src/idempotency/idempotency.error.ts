/** What a request may be refused with for its `Idempotency-Key`. */
export const idempotencyCodes = {
  idempotency_key_missing: 'This request needs an Idempotency-Key header.',
  idempotency_key_invalid: 'Idempotency-Key must be 1 to 255 visible ASCII characters.',
  idempotency_key_reused: 'This Idempotency-Key belongs to another request.',
  idempotency_key_busy: 'The first request with this Idempotency-Key is still at work.',
} as const;

export type IdempotencyCode = keyof typeof idempotencyCodes;

/** A request cannot be answered because of its key. Tell it by {@link isIdempotencyError}. */
export class IdempotencyError extends Error {
  /** @param retryAfterMs when it may be worth trying again, in milliseconds from now */
  constructor(
    readonly code: IdempotencyCode,
    readonly retryAfterMs?: number,
  ) {
    super(idempotencyCodes[code]);
    this.name = 'IdempotencyError';
  }
}

/** Whether an error is about a request's key. Works across copies of this package. */
export function isIdempotencyError(error: unknown): error is IdempotencyError {
  return (error as { name?: string } | null)?.name === 'IdempotencyError';
}
