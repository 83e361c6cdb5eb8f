export { Bulkhead } from './bulkhead/bulkhead.policy.js';
export {
  CircuitBreaker as CircuitBreakerPolicy,
  type CircuitPermit,
  type CircuitState,
} from './circuit-breaker/circuit-breaker.policy.js';
export { type MeetFault, type ResilienceClient, ResilienceClients } from './clients/resilience.clients.js';
export { currentDeadline, Deadline, deadlineHeader, runWithDeadline } from './deadline/deadline.js';
export { isResilienceError, type ResilienceCode, ResilienceError, resilienceCodes } from './errors/resilience.error.js';
export { type AttemptEvent, type ResilienceEvent, ResilienceEvents } from './events/resilience.events.js';
export { type FallbackKind, type FallbackOptions, mayFallBack, withFallback } from './fallback/fallback.policy.js';
export { CircuitBreaker } from './handlers/circuit-breaker.interceptor.js';
export { Retry } from './handlers/retry.interceptor.js';
export { Timeout } from './handlers/timeout.interceptor.js';
export type { MaybeOverloaded } from './http/axios-retry.driver.js';
export { httpClientEnv } from './http/http-client.env.js';
export { HttpClient } from './http/http-client.js';
export { HttpClientModule, type HttpClientModuleOptions } from './http/http-client.module.js';
export { type HttpClientOptions, httpClientOptions } from './http/http-client.options.js';
export type { HttpRequest } from './http/http-request.js';
export {
  type IdempotencyCode,
  IdempotencyError,
  isIdempotencyError,
} from './idempotency/idempotency.error.js';
export { idempotencyKeyOf } from './idempotency/idempotency-key.js';
export { type Balancer, Discovery, goingHeader, type Instance } from './instances/discovery.js';
export { type ServiceAddress, serviceAddressOf } from './instances/service.address.js';
export { loadLimitOptions } from './load-limit/load-limit.options.js';
export { LoadLimit, type Priority, turnMs } from './load-limit/load-limit.policy.js';
export { type PipelineOptions, pipelineOptions } from './pipeline/pipeline.options.js';
export { type ExecuteOptions, Pipeline } from './pipeline/pipeline.policy.js';
