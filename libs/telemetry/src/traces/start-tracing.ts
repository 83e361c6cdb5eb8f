import { type Attributes, DiagLogLevel, diag } from '@opentelemetry/api';
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg';
import { RedisInstrumentation } from '@opentelemetry/instrumentation-redis';
import { UndiciInstrumentation, type UndiciRequest } from '@opentelemetry/instrumentation-undici';
import type { NodeSDKConfiguration } from '@opentelemetry/sdk-node';
import { logger } from '../logs/logger.js';
import { serviceIdentity } from '../service-identity.js';
import { importSdk } from './import-sdk.js';

/**
 * Starts tracing as the standard `OTEL_*` variables say.
 *
 * Spans leave the process only where an OTLP endpoint or an exporter is named. Otherwise none is begun, but each request still has a
 * trace id, which logs carry and which passes on. A trace that others record goes through; one that starts here is recorded by nobody.
 */
export async function startTracing(): Promise<void> {
  const { name, version } = serviceIdentity();
  process.env.OTEL_RESOURCE_ATTRIBUTES = [`service.version=${version}`, process.env.OTEL_RESOURCE_ATTRIBUTES]
    .filter(Boolean)
    .join(',');
  // One signal, one system: metrics are prom-client's, logs are pino's.
  process.env.OTEL_METRICS_EXPORTER = 'none';
  process.env.OTEL_LOGS_EXPORTER = 'none';
  diag.setLogger(diagToLogger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });

  const config: Partial<NodeSDKConfiguration> = {
    serviceName: name,
    instrumentations: [
      new PgInstrumentation({ requireParentSpan: true, ignoreConnectSpans: true }),
      new RedisInstrumentation({ requireParentSpan: true }),
      new UndiciInstrumentation({ requireParentforSpans: true, startSpanHook: resendCount }),
    ],
  };
  if (!exporterIsNamed()) {
    process.env.OTEL_TRACES_SAMPLER ??= 'parentbased_always_off';
    config.spanProcessors = [discardingProcessor];
  }
  const { NodeSDK } = await importSdk();
  new NodeSDK(config).start();
}

/** Clients say in `x-envoy-attempt-count` which attempt it is; OpenTelemetry counts what came after the first. */
function resendCount({ headers }: UndiciRequest): Attributes {
  const at = Array.isArray(headers) ? headers.indexOf('x-envoy-attempt-count') : -1;
  return at < 0 ? {} : { 'http.request.resend_count': Number(headers[at + 1]) - 1 };
}

function exporterIsNamed(): boolean {
  const { OTEL_TRACES_EXPORTER, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = process.env;
  if (OTEL_TRACES_EXPORTER) return OTEL_TRACES_EXPORTER !== 'none';
  return Boolean(OTEL_EXPORTER_OTLP_ENDPOINT || OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
}

const discardingProcessor = {
  onStart() {},
  onEnd() {},
  async forceFlush() {},
  async shutdown() {},
};

const otel = logger.child({ context: 'OpenTelemetry' });
const diagToLogger = {
  error: (message: string) => otel.warn(brief(message)),
  warn: (message: string) => otel.warn(brief(message)),
  info: (message: string) => otel.info(message),
  debug: (message: string) => otel.debug(message),
  verbose: (message: string) => otel.trace(message),
};

/** Errors come as JSON, with a stack that says nothing of us. */
function brief(message: string): string {
  try {
    const { name, message: text, code } = JSON.parse(message) as Record<string, string | undefined>;
    return [name, code, text].filter(Boolean).join(' ');
  } catch {
    return message;
  }
}
