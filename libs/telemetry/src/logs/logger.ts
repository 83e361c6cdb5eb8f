import { createRequire } from 'node:module';
import { isSpanContextValid, trace } from '@opentelemetry/api';
import { type DestinationStream, type Level, type Logger, levels, pino } from 'pino';
import type pinoPretty from 'pino-pretty';
import { serviceIdentity } from '../service-identity.js';
import { serializeError } from './error.serializer.js';
import { countLine } from './line.count.js';
import { redact, redactCredentials } from './redaction.js';
import { TurnStream } from './turn.stream.js';

/** The levels that `LOG_LEVEL` and the admin port take. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export type LogLevel = (typeof logLevels)[number];

/** Names of a request line's fields. @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/ */
export const requestFields = {
  method: 'http.request.method',
  route: 'http.route',
  path: 'url.path',
  status: 'http.response.status_code',
  duration: 'duration_ms',
} as const;

/** Nest's report of how it wires modules and routes: useful once in a while, so at debug instead of info. */
const wiring = new Set(['NestFactory', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication']);

/** Makes a logger as all of a service's lines come from it: JSON with `service`, and inside a request `trace_id` and `span_id`. */
export function createLogger(destination: DestinationStream = output()): Logger {
  return pino(
    {
      level: logLevels.find((level) => level === process.env.LOG_LEVEL) ?? 'info',
      base: { service: serviceIdentity().name },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: serializeError, error: serializeError },
      formatters: { level: (label) => ({ level: label }), log: redact },
      mixin: traceFields,
      hooks: {
        // Messages and arguments are free text: what they must not hold are passwords in addresses.
        streamWrite: redactCredentials,
        logMethod(args, method, level) {
          const context = (args[0] as { context?: string } | undefined)?.context;
          if (level === levels.values.info && context && wiring.has(context)) this.debug(...args);
          else {
            countLine(levels.labels[level] as Level);
            method.apply(this, args);
          }
        },
      },
    },
    destination,
  );
}

/** The process' logger. Nest's `Logger` and nestjs-pino's `PinoLogger` end here too. */
export const logger: Logger = createLogger();

/** The level from which on lines are written. Holds at once, for every logger of the process that follows {@link logger}. */
export function setLogLevel(level: LogLevel): void {
  logger.level = level;
}

function traceFields(): object {
  const span = trace.getActiveSpan()?.spanContext();
  return span && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : {};
}

/** Pretty for a person at a terminal, JSON for everything else; `LOG_FORMAT` decides otherwise. */
function output(): DestinationStream {
  const format = process.env.LOG_FORMAT || (process.stdout.isTTY ? 'pretty' : 'json');
  if (format !== 'pretty') return new TurnStream(pino.destination({ dest: 1, sync: true }));
  // Not imported above, because it is nothing that a service in production should load.
  const pretty: typeof pinoPretty = createRequire(import.meta.url)('pino-pretty');
  return pretty({
    colorize: process.stdout.isTTY,
    sync: true,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    // A dot means a nested key there, unless it is escaped.
    ignore: ['pid', 'hostname', 'service', 'context', 'span_id', ...Object.values(requestFields)]
      .map((field) => field.replaceAll('.', '\\.'))
      .join(','),
    messageFormat: (line, messageKey) => {
      const { service, context, [requestFields.method]: method, [requestFields.path]: path } = line;
      const request = method
        ? `${method} ${path} ${line[requestFields.status]} ${line[requestFields.duration]} ms`
        : '';
      return [service, context && `[${context}]`, request || line[messageKey]].filter(Boolean).join(' ');
    },
  });
}
