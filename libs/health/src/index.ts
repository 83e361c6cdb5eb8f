export {
  HealthCheck,
  type HealthCheckOptions,
  type HealthIndicator,
  type HealthReason,
  type HealthResult,
  type HealthStatus,
  healthReasons,
  type ObservedHealth,
} from './checks/health-check.decorator.js';
export { HealthModule, type HealthModuleOptions } from './health.module.js';
export type { HealthReport } from './health.report.js';
export { type HealthOptions, HealthService } from './health.service.js';
export { type Heartbeat, type HeartbeatOptions, heartbeats } from './workers/heartbeats.js';
export { stopWorkers, WorkerLoop, type WorkerLoopOptions, workers } from './workers/worker.loop.js';
