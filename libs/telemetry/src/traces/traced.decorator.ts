import 'reflect-metadata';
import { type Span, SpanStatusCode, trace } from '@opentelemetry/api';

const tracer = trace.getTracer('@app/telemetry');

/** Gives each call of the method a span, named `Class.method` or as given, that ends when the method's promise does and tells of its failure. */
export function Traced(name?: string): MethodDecorator {
  return (target, key, descriptor: PropertyDescriptor) => {
    const spanName = name ?? `${target.constructor.name}.${String(key)}`;
    const method: (...args: unknown[]) => unknown = descriptor.value;

    function traced(this: unknown, ...args: unknown[]): unknown {
      return inSpan(spanName, () => method.apply(this, args));
    }
    Object.defineProperty(traced, 'name', { value: method.name });
    // Nest's own decorators keep what they know as metadata of the function.
    for (const metadataKey of Reflect.getMetadataKeys(method)) {
      Reflect.defineMetadata(metadataKey, Reflect.getMetadata(metadataKey, method), traced);
    }
    descriptor.value = traced;
  };
}

function inSpan(name: string, run: () => unknown): unknown {
  return tracer.startActiveSpan(name, (span) => {
    try {
      const result = run();
      if (!(result instanceof Promise)) {
        span.end();
        return result;
      }
      return result
        .catch((error: unknown) => {
          fail(span, error);
          throw error;
        })
        .finally(() => span.end());
    } catch (error) {
      fail(span, error);
      span.end();
      throw error;
    }
  });
}

function fail(span: Span, error: unknown): void {
  span.recordException(error instanceof Error ? error : String(error));
  span.setStatus({ code: SpanStatusCode.ERROR });
}
