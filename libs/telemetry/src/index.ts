export { createLogger, type LogLevel, logger, logLevels, setLogLevel } from './logs/logger.js';
export { redactCredentials, redactedKeys } from './logs/redaction.js';
export { BoundHistogram } from './metrics/bound-histogram.js';
export { catalogue, type MetricDefinition, runtimeMetricNames } from './metrics/catalogue.js';
export { counter, gauge, histogram, registerRuntimeMetrics, registry } from './metrics/registry.js';
export { observeRequests, type RequestTelemetryOptions, unmatchedRoute } from './requests/request-telemetry.js';
export { serviceIdentity } from './service-identity.js';
export { shutdownTracing } from './traces/shutdown.js';
export { Traced } from './traces/traced.decorator.js';
