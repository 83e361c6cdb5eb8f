import type { InMemorySpanExporter } from '@opentelemetry/sdk-trace';

/**
 * Makes OpenTelemetry real in this process, as the preload does in a service, and keeps every span that ends, sampled ones only.
 * Once for each spec file. The SDK is loaded here, because those who only want a database should not wait for it.
 */
export async function recordSpans(): Promise<InMemorySpanExporter> {
  const [api, { AsyncLocalStorageContextManager }, { W3CTraceContextPropagator }, sdk] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/core'),
    import('@opentelemetry/sdk-trace'),
  ]);
  const exporter = new sdk.InMemorySpanExporter();
  const spanProcessors = [new sdk.SimpleSpanProcessor({ exporter })];
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  api.propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  api.trace.setGlobalTracerProvider(new sdk.TracerProvider({ spanProcessors }));
  return exporter;
}
