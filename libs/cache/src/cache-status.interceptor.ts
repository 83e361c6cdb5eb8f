import { serviceIdentity } from '@app/telemetry';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { map, type Observable } from 'rxjs';
import type { Cached } from './cache.js';

interface Reply {
  header(name: string, value: string): unknown;
}

/**
 * Answers with the value of the {@link Cached} that a handler returns, and says in `Cache-Status` where it comes from and in `Age` how
 * old it is.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9211 and https://www.rfc-editor.org/rfc/rfc9111#name-age
 */
@Injectable()
export class CacheStatusInterceptor implements NestInterceptor<Cached<unknown>, unknown> {
  /** A structured field's token has no spaces. */
  private readonly name = serviceIdentity().name.replace(/[^\w.-]/g, '-');

  intercept(context: ExecutionContext, next: CallHandler<Cached<unknown>>): Observable<unknown> {
    const reply = context.switchToHttp().getResponse<Reply>();
    return next.handle().pipe(
      map((cached) => {
        reply.header('cache-status', `${this.name}; ${statusOf(cached)}`);
        // What was loaded for this very request has no age.
        if (!cached.asked || cached.ttlMs < 0) reply.header('age', String(seconds(cached.ageMs)));
        return cached.value;
      }),
    );
  }
}

function statusOf({ asked, ttlMs }: Cached<unknown>): string {
  const ttl = `ttl=${seconds(ttlMs)}`;
  if (!asked) return `hit; ${ttl}`;
  return ttlMs < 0 ? `fwd=${asked}; ${ttl}; detail=load-failed` : `fwd=${asked}; ${ttl}`;
}

/** Rounded down, so that what is stale by less than a second is negative. */
function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
