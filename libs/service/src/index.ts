export { ConfigError } from './config/config.error.js';
export {
  type ConfigDefinition,
  type ConfigOf,
  defineConfig,
  type EnvironmentVariable,
  environmentVariables,
} from './config/define-config.js';
export { type ServiceConfig, serviceEnv } from './config/service.env.js';
export { IdempotencyKey } from './http/idempotency-key.decorator.js';
export { Priority } from './http/limit-load.js';
export { Lifecycle } from './lifecycle/lifecycle.js';
export { type RunningService, stopService } from './lifecycle/stop-service.js';
export { type FieldError, type Problem, ProblemException } from './problems/problem.js';
export { relayProblem } from './problems/relay-problem.js';
export { ServiceModule, type ServiceOptions } from './service.module.js';
export { runCommand, runService, startService } from './start-service.js';
