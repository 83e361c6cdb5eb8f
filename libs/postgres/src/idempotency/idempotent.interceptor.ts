import { createHash } from 'node:crypto';
import { IdempotencyError, idempotencyKeyOf } from '@app/resilience';
import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  mixin,
  type NestInterceptor,
  UseInterceptors,
} from '@nestjs/common';
import { defer, lastValueFrom, type Observable } from 'rxjs';
import { IdempotencyStore } from './idempotency.store.js';

/** What is used of Fastify's request. */
export interface IdempotentRequest {
  method: string;
  url: string;
  headers: Record<string, string | string[] | undefined>;
  body?: unknown;
  routeOptions: { url?: string };
}

interface Reply {
  statusCode: number;
  status(code: number): unknown;
}

export interface IdempotentOptions {
  /**
   * Who the key belongs to: two callers may use the same key. It is stored, so let it hold no secret.
   * @default the SHA-256 of the `Authorization` header, '' without one
   */
  caller?(request: IdempotentRequest): string;
}

/**
 * Answers each `Idempotency-Key` once: the same request again gets the first answer, status and body, without the handler. All SQL of
 * the handler is part of one transaction with the key and the answer. Needs `IdempotencyModule`.
 */
export function Idempotent({ caller = authorizationDigest }: IdempotentOptions = {}): MethodDecorator {
  @Injectable()
  class IdempotentInterceptor implements NestInterceptor {
    constructor(private readonly store: IdempotencyStore) {}

    intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
      const request = context.switchToHttp().getRequest<IdempotentRequest>();
      const reply = context.switchToHttp().getResponse<Reply>();
      return defer(async () => {
        const key = idempotencyKeyOf(request.headers);
        if (key === undefined) throw new IdempotencyError('idempotency_key_missing');
        const route = `${request.method} ${request.routeOptions.url}`;
        const keyed = { route, caller: caller(request), key, fingerprint: fingerprintOf(request) };
        const { status, body } = await this.store.once(keyed, async () => {
          const body = await lastValueFrom(next.handle(), { defaultValue: undefined });
          return { status: reply.statusCode, body };
        });
        reply.status(status);
        return body;
      });
    }
  }
  return UseInterceptors(mixin(IdempotentInterceptor));
}

function authorizationDigest({ headers: { authorization } }: IdempotentRequest): string {
  return authorization === undefined ? '' : digest(String(authorization));
}

/** Two requests are the same when their path and their JSON are, in whatever order its members stand. */
function fingerprintOf({ url, body }: IdempotentRequest): string {
  return digest(`${url}\n${JSON.stringify(body, sorted)}`);
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
