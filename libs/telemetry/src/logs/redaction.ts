/** Keys whose values never reach a log line, whatever their case, at the top of a line or up to two levels below. */
export const redactedKeys = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'password',
  'passwd',
  'secret',
  'clientSecret',
  'token',
  'accessToken',
  'refreshToken',
  'idToken',
  'apiKey',
  'x-api-key',
  'adminToken',
  'cardNumber',
  'cvc',
  'DATABASE_URL',
  'REDIS_URL',
  'ADMIN_TOKEN',
] as const;

const secret: ReadonlySet<string> = new Set(redactedKeys.map((key) => key.toLowerCase()));
const depth = 3;

/** A copy of the line's fields with secrets replaced; the same object where there is nothing to hide. */
export function redact(fields: Record<string, unknown>): Record<string, unknown> {
  return redactLevel(fields, depth);
}

function redactLevel(fields: Record<string, unknown>, levels: number): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  for (const key of Object.keys(fields)) {
    const value = fields[key];
    let safe = value;
    if (secret.has(key.toLowerCase())) safe = '[redacted]';
    else if (typeof value === 'string') safe = redactCredentials(value);
    else if (levels > 1 && isPlain(value)) safe = redactLevel(value, levels - 1);
    if (safe !== value) {
      copy ??= Array.isArray(fields) ? ([...fields] as unknown as Record<string, unknown>) : { ...fields };
      copy[key] = safe;
    }
  }
  return copy ?? fields;
}

/** Takes the password out of URLs such as `postgres://user:password@host/db`. */
export function redactCredentials(text: string): string {
  return text.includes('://') ? text.replace(/(\w+:\/\/[^\s:/]*):[^\s/]+@/g, '$1:[redacted]@') : text;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof Error);
}
