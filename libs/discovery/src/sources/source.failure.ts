import type { HealthReason } from '@app/health';

/** Why a source cannot tell where a service is: a closed set, for metrics and health. */
export type SourceFailureReason = Extract<
  HealthReason,
  'timeout' | 'unreachable' | 'refused' | 'not_found' | 'empty' | 'failed'
>;

/** A source did not tell where a service is. Its message holds neither tokens nor what a server answered. */
export class SourceFailure extends Error {
  constructor(
    readonly reason: SourceFailureReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'SourceFailure';
  }
}

const reasons: Record<string, SourceFailureReason> = {
  TimeoutError: 'timeout',
  ETIMEDOUT: 'timeout',
  ETIMEOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  ECONNREFUSED: 'unreachable',
  ECONNRESET: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EAI_AGAIN: 'unreachable',
  UND_ERR_SOCKET: 'unreachable',
  ESERVFAIL: 'unreachable',
  EREFUSED: 'refused',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'refused',
  SELF_SIGNED_CERT_IN_CHAIN: 'refused',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'refused',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'refused',
  ERR_TLS_CERT_ALTNAME_INVALID: 'refused',
  CERT_HAS_EXPIRED: 'refused',
  ENOTFOUND: 'not_found',
  ENODATA: 'not_found',
};

export function failureOf(error: unknown): SourceFailureReason {
  if (error instanceof SourceFailure) return error.reason;
  const { code, name } = error as { code?: string; name?: string };
  return reasons[code ?? ''] ?? reasons[name ?? ''] ?? 'failed';
}
