import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  mixin,
  type NestInterceptor,
  Optional,
  RequestMethod,
  UseInterceptors,
} from '@nestjs/common';
import { defer, from, lastValueFrom, type Observable } from 'rxjs';
import { isResilienceError } from '../errors/resilience.error.js';
import { ResilienceEvents } from '../events/resilience.events.js';
import { Pipeline } from '../pipeline/pipeline.policy.js';
import type { RetryOptions } from '../retry/retry.options.js';

/** Methods of Nest's routes that may run twice. @see https://www.rfc-editor.org/rfc/rfc9110#name-idempotent-methods */
const idempotent: ReadonlySet<RequestMethod> = new Set([
  RequestMethod.GET,
  RequestMethod.HEAD,
  RequestMethod.OPTIONS,
  RequestMethod.PUT,
  RequestMethod.DELETE,
]);

/** Longest that a handler with its repetitions may take where the request has no deadline. */
const longestMs = 600_000;

/**
 * Repeats a handler that failed for a reason that may pass. Only for handlers that may run twice: stand it above the route's decorator,
 * where it can see the method, and it refuses a POST at start.
 *
 * @throws Error at start for a handler that is not idempotent
 */
export function Retry(options: RetryOptions = {}): MethodDecorator {
  @Injectable()
  class RetryInterceptor implements NestInterceptor {
    private readonly pipelines = new Map<string, Pipeline>();

    constructor(@Optional() private readonly events?: ResilienceEvents) {}

    intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
      const pipeline = this.pipelineOf(`${context.getClass().name}.${context.getHandler().name}`);
      const handle = () => lastValueFrom(next.handle(), { defaultValue: undefined });
      return defer(() => from(pipeline.execute(handle, { repeatable: true, isTransient })));
    }

    private pipelineOf(name: string): Pipeline {
      let pipeline = this.pipelines.get(name);
      if (!pipeline) {
        const timeouts = { totalTimeoutMs: longestMs, attemptTimeoutMs: longestMs };
        pipeline = new Pipeline(
          name,
          { ...timeouts, retry: options, circuitBreaker: false, bulkhead: false },
          this.events,
        );
        this.pipelines.set(name, pipeline);
      }
      return pipeline;
    }
  }

  return (target, key, descriptor) => {
    const method: RequestMethod | undefined = Reflect.getMetadata('method', descriptor.value as object);
    if (method === undefined || !idempotent.has(method)) {
      throw new Error(
        `@Retry on ${target.constructor.name}.${String(key)}: only handlers of GET, HEAD, OPTIONS, PUT and DELETE may run twice, ` +
          'and @Retry must stand above the decorator of the route.',
      );
    }
    UseInterceptors(mixin(RetryInterceptor))(target, key, descriptor);
  };
}

function isTransient(error: unknown): boolean {
  const status = (error as { getStatus?(): number }).getStatus?.();
  // A client has spent its own retries before its error comes here: only the last tier retries.
  return !isResilienceError(error) && (status === 503 || status === 502 || status === 504);
}
