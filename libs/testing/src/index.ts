export { eventually } from './eventually.js';
export { freePort } from './free-port.js';
export { isInstalled } from './installed.js';
export { OtlpReceiver, type ReceivedSpan } from './otlp.receiver.js';
export { createDatabase, type PostgresServer, type PostgresServerOptions, startPostgres } from './postgres.server.js';
export { hasRedis, type RedisServer, startRedis } from './redis.server.js';
export { type LogLine, ServiceProcess, type ServiceProcessOptions } from './service.process.js';
export { recordSpans } from './span.recorder.js';
