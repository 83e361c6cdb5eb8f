import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  mixin,
  type NestInterceptor,
  Optional,
  UseInterceptors,
} from '@nestjs/common';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { type CircuitBreakerOptions, circuitBreakerOptions } from '../circuit-breaker/circuit-breaker.options.js';
import {
  CircuitBreaker as CircuitBreakerPolicy,
  type CircuitOutcome,
} from '../circuit-breaker/circuit-breaker.policy.js';
import { ResilienceEvents } from '../events/resilience.events.js';

/**
 * Puts a circuit breaker around a handler: when it keeps failing, callers get 503 at once instead of waiting for another failure.
 * Answers below 500 are the caller's affair and neutral.
 *
 * @throws ZodError naming every option that is out of range
 */
export function CircuitBreaker(options: CircuitBreakerOptions = {}): MethodDecorator {
  circuitBreakerOptions.parse(options);

  @Injectable()
  class CircuitBreakerInterceptor implements NestInterceptor {
    private readonly breakers = new Map<string, CircuitBreakerPolicy>();

    constructor(@Optional() private readonly events?: ResilienceEvents) {}

    intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
      const breaker = this.breakerOf(`${context.getClass().name}.${context.getHandler().name}`);
      return from(breaker.execute(() => lastValueFrom(next.handle(), { defaultValue: undefined }), outcomeOf));
    }

    private breakerOf(name: string): CircuitBreakerPolicy {
      let breaker = this.breakers.get(name);
      if (!breaker) {
        breaker = new CircuitBreakerPolicy(name, options, this.events);
        this.breakers.set(name, breaker);
      }
      return breaker;
    }
  }
  return UseInterceptors(mixin(CircuitBreakerInterceptor));
}

function outcomeOf(error: unknown): CircuitOutcome {
  const status = (error as { getStatus?(): number }).getStatus?.();
  return status !== undefined && status < 500 ? 'neutral' : 'failure';
}
