import { beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from './logger.js';
import { type RequestLine, requestLines } from './request.line.js';

const line: RequestLine = {
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  method: 'GET',
  route: '/orders/:id',
  path: '/orders/7',
  status: 200,
  durationMs: 1.25,
  message: 'request completed',
};

describe('a request line', () => {
  let lines: Record<string, unknown>[];
  let logger: ReturnType<typeof createLogger>;

  beforeEach(() => {
    process.env.LOG_LEVEL = 'info';
    lines = [];
    logger = createLogger({ write: (text) => void lines.push(JSON.parse(text)) });
  });

  it('is the line that pino would write', () => {
    requestLines(logger)('info', line);
    logger.info(
      {
        trace_id: line.traceId,
        span_id: line.spanId,
        'http.request.method': 'GET',
        'http.route': '/orders/:id',
        'url.path': '/orders/7',
        'http.response.status_code': 200,
        duration_ms: 1.25,
      },
      'request completed',
    );
    const [byHand, byPino] = lines.map(({ time, ...rest }) => ({
      ...rest,
      isTime: !Number.isNaN(Date.parse(String(time))),
    }));
    expect(byHand).toEqual(byPino);
    expect(Object.keys(lines[0]!)).toEqual(Object.keys(lines[1]!));
  });

  it.each(['/a"b\\c', '/a\nb', '/\u2028', '/"}{"level":"fatal'])(
    'stays one line of JSON whatever the path: %j',
    (path) => {
      requestLines(logger)('info', { ...line, path });
      expect(lines).toMatchObject([{ level: 'info', 'url.path': path }]);
    },
  );

  it('hides a password in the path', () => {
    requestLines(logger)('info', { ...line, path: '/proxy/http://user:s3cret@host' });
    expect(JSON.stringify(lines)).not.toContain('s3cret');
  });

  it('follows the level of its logger', () => {
    const write = requestLines(logger);
    logger.level = 'error';
    write('info', line);
    write('error', line);
    expect(lines).toMatchObject([{ level: 'error' }]);
  });
});
