import { timingSafeEqual } from 'node:crypto';

/** What decides whether an admin write is let in. */
export interface AdminWrite {
  remoteAddress: string | undefined;
  headers: Record<string, string | string[] | undefined>;
}

const loopback = /^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/;
const localHost = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/;

/**
 * Why an admin write is refused, or `undefined` when it may pass. With a token it needs that token. Without one it must come from this
 * machine and must not come from a browser's page: JSON, a local `Host` (against DNS rebinding) and no `Origin` (against forged requests).
 */
export function refusalOf({ remoteAddress, headers }: AdminWrite, token?: string): string | undefined {
  if (token)
    return sameSecret(/^bearer (.*)$/i.exec(String(headers.authorization))?.[1], token)
      ? undefined
      : 'Send the ADMIN_TOKEN as a bearer token.';
  if (!loopback.test(remoteAddress ?? '')) return 'Without ADMIN_TOKEN only this machine may write.';
  if (headers.origin !== undefined) return 'Admin writes do not come from web pages.';
  if (!localHost.test(String(headers.host))) return 'The Host header must name this machine.';
  if (!/^application\/json\s*(;|$)/i.test(String(headers['content-type']))) return 'Send application/json.';
  return undefined;
}

function sameSecret(given: string | string[] | undefined, expected: string): boolean {
  const a = Buffer.from(String(given));
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}
