import { recordSpans } from '@app/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { trace } from '@opentelemetry/api';
import { symbols } from 'pino';
import { createLogger, logger, logLevels, setLogLevel } from './logger.js';

type Line = Record<string, unknown>;

/** A logger as the process' own, and what it has written. */
function collect(level = 'info') {
  const lines: Line[] = [];
  process.env.LOG_LEVEL = level;
  return { lines, log: createLogger({ write: (line) => lines.push(JSON.parse(line)) }) };
}

describe('a log line', () => {
  beforeAll(() => recordSpans());

  it('says who wrote it, when and how severe it is', () => {
    process.env.OTEL_SERVICE_NAME = 'orders';
    const { lines, log } = collect();
    log.warn({ order: 7 }, 'late');
    expect(lines).toEqual([{ service: 'orders', time: expect.any(String), level: 'warn', order: 7, msg: 'late' }]);
    const { time } = lines[0] as { time: string };
    expect(new Date(time).toISOString()).toBe(time);
  });

  it('names the trace and span that it was written in', () => {
    const { lines, log } = collect();
    log.info('outside');
    trace.getTracer('spec').startActiveSpan('inside', (span) => {
      log.child({ context: 'Orders' }).info('inside');
      const { traceId, spanId } = span.spanContext();
      expect(lines[1]).toMatchObject({ trace_id: traceId, span_id: spanId });
    });
    expect(lines[0]).not.toHaveProperty('trace_id');
  });

  it('tells an error without what it carries, under err and error', () => {
    const { lines, log } = collect();
    const error = Object.assign(new Error('refused'), { config: { headers: { authorization: 's3cret' } } });
    log.error({ err: error, error }, 'failed');
    expect(lines[0]).toMatchObject({ err: { message: 'refused' }, error: { message: 'refused' } });
    expect(JSON.stringify(lines)).not.toContain('s3cret');
  });

  it('hides secrets among its fields', () => {
    const { lines, log } = collect();
    log.info({ headers: { cookie: 's3cret' } }, 'request');
    expect(lines[0]).toMatchObject({ headers: { cookie: '[redacted]' } });
  });

  it('about how Nest wires the application is a debug line', () => {
    const wiring = { context: 'RouterExplorer' };
    const quiet = collect('info');
    quiet.log.info(wiring, 'Mapped {/orders, GET} route');
    expect(quiet.lines).toEqual([]);
    const loud = collect('debug');
    loud.log.info(wiring, 'Mapped {/orders, GET} route');
    expect(loud.lines).toMatchObject([{ level: 'debug', msg: 'Mapped {/orders, GET} route' }]);
  });

  it('is written from info on, when LOG_LEVEL names no level', () => {
    const { lines, log } = collect('loud');
    log.debug('unheard');
    log.info('heard');
    expect(lines).toMatchObject([{ msg: 'heard' }]);
  });
});

describe('setLogLevel', () => {
  let written: string[];

  beforeEach(() => {
    written = [];
    const stream = (logger as unknown as Record<symbol, { write(line: string): void }>)[symbols.streamSym]!;
    jest.spyOn(stream, 'write').mockImplementation((line) => {
      written.push((JSON.parse(line) as { msg: string }).msg);
    });
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('changes what is written at once, by children made before too', () => {
    const child = logger.child({ context: 'Cache' });
    const grandchild = child.child({}, {});
    const writers = { logger, child, grandchild };

    setLogLevel('debug');
    for (const [name, writer] of Object.entries(writers)) writer.debug(`${name} at debug`);
    setLogLevel('error');
    for (const writer of Object.values(writers)) writer.warn('unheard');
    for (const [name, writer] of Object.entries(writers)) writer.error(`${name} at error`);

    expect(written).toEqual([
      'logger at debug',
      'child at debug',
      'grandchild at debug',
      'logger at error',
      'child at error',
      'grandchild at error',
    ]);
  });

  it.each(logLevels)('takes %s', (level) => {
    setLogLevel(level);
    expect(logger.level).toBe(level);
  });
});
