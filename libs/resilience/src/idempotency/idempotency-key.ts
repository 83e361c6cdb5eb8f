import { IdempotencyError } from './idempotency.error.js';

const legal = /^[\x21-\x7e]{1,255}$/;

/**
 * The `Idempotency-Key` among a request's headers: 1 to 255 visible ASCII characters.
 *
 * @throws IdempotencyError when it is anything else
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
export function idempotencyKeyOf(headers: Record<string, string | string[] | undefined>): string | undefined {
  const key = headers['idempotency-key'];
  if (key !== undefined && !legal.test(String(key))) throw new IdempotencyError('idempotency_key_invalid');
  return key?.toString();
}
