import { registerHooks } from 'node:module';

type Sdk = typeof import('@opentelemetry/sdk-node');

/** What the SDK imports for signals, protocols and a way of configuration that a service here has no use for: gRPC, Zipkin, YAML and more. */
const unused =
  /^@opentelemetry\/(exporter-(logs|metrics|prometheus|zipkin|trace-otlp-(grpc|http)$)|propagator-b3)|\.\/start\.mjs$/;
const unusedNames = [
  'B3InjectEncoding',
  'B3Propagator',
  'OTLPLogExporter',
  'OTLPMetricExporter',
  'OTLPTraceExporter',
  'PrometheusExporter',
  'ZipkinExporter',
  'startNodeSDK',
  'startNodeSdk',
];
const nothing = `data:text/javascript,export let ${unusedNames.join()}`;

/**
 * OpenTelemetry's SDK, of which only what can be used is loaded: by default OTLP over http/protobuf. All of it is loaded where the
 * environment names another exporter, protocol or propagator. The rest costs every start a tenth of a second, and memory: `bench/README.md`.
 */
export async function importSdk(env = process.env): Promise<Sdk> {
  if (wantsMore(env)) return import('@opentelemetry/sdk-node');
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      unused.test(specifier) ? { url: nothing, format: 'module', shortCircuit: true } : next(specifier, context),
  });
  try {
    return await import('@opentelemetry/sdk-node');
  } finally {
    hooks.deregister();
  }
}

function wantsMore(env: NodeJS.ProcessEnv): boolean {
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL || 'http/protobuf';
  const exporters = env.OTEL_TRACES_EXPORTER || 'otlp';
  return (
    protocol !== 'http/protobuf' || !['otlp', 'console', 'none'].includes(exporters) || Boolean(env.OTEL_PROPAGATORS)
  );
}
