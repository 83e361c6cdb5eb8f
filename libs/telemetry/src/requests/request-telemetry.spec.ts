import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { eventually, recordSpans } from '@app/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { fastify as createFastify, type FastifyInstance } from 'fastify';
import { createLogger } from '../logs/logger.js';
import { catalogue } from '../metrics/catalogue.js';
import { registry } from '../metrics/registry.js';
import { observeRequests, unmatchedRoute } from './request-telemetry.js';

type Recorded = Awaited<ReturnType<typeof recordSpans>>;

const caller = { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16) };
const headers = { traceparent: `00-${caller.traceId}-${caller.spanId}-01` };

async function connectTo(fastify: FastifyInstance): Promise<Socket> {
  await fastify.listen({ port: 0, host: '127.0.0.1' });
  return connect((fastify.server.address() as AddressInfo).port, '127.0.0.1');
}

describe('observeRequests', () => {
  let recorded: Recorded;
  let fastify: FastifyInstance;
  let lines: Record<string, unknown>[];

  beforeAll(async () => {
    recorded = await recordSpans();
  });

  function start(trustInboundHeaders = false, logRequestsRatio?: number): FastifyInstance {
    fastify = createFastify();
    const logger = createLogger({ write: (line) => lines.push(JSON.parse(line)) });
    observeRequests(fastify, { trustInboundHeaders, logRequestsRatio, logger });
    fastify.get('/orders/:id', async () => ({ span: trace.getActiveSpan()?.spanContext() }));
    fastify.post('/orders', async () => ({ span: trace.getActiveSpan()?.spanContext() }));
    fastify.get('/broken', async () => {
      throw new Error('broken');
    });
    return fastify;
  }

  beforeEach(() => {
    process.env.LOG_LEVEL = 'info';
    registry.clear();
    recorded.reset();
    lines = [];
  });
  afterEach(() => fastify.close());

  const seriesOf = async (name: string) =>
    ((await registry.getSingleMetric(name)?.get())?.values ?? []) as {
      metricName?: string;
      labels: Record<string, string | number>;
      value: number;
    }[];
  const observations = async () =>
    (await seriesOf(catalogue.httpServerRequestDuration.name)).filter(({ metricName }) =>
      metricName?.endsWith('_count'),
    );
  const inFlight = async () =>
    (await seriesOf(catalogue.httpServerActiveRequests.name)).reduce((sum, { value }) => sum + value, 0);

  it('leaves one span, one observation and one log line of a request', async () => {
    await start().inject({ url: '/orders/7?token=s3cret', headers: { 'user-agent': 'spec' } });

    const [span, ...otherSpans] = recorded.getFinishedSpans();
    expect(otherSpans).toEqual([]);
    expect(span).toMatchObject({
      name: 'GET /orders/:id',
      kind: SpanKind.SERVER,
      status: { code: SpanStatusCode.UNSET },
      attributes: {
        'http.request.method': 'GET',
        'http.route': '/orders/:id',
        'http.response.status_code': 200,
        'url.path': '/orders/7',
        'user_agent.original': 'spec',
      },
    });
    expect(await observations()).toMatchObject([
      {
        value: 1,
        labels: {
          http_request_method: 'GET',
          http_route: '/orders/:id',
          http_response_status_code: 200,
          url_scheme: 'http',
          error_type: '',
        },
      },
    ]);
    const { traceId, spanId } = span!.spanContext();
    expect(lines).toMatchObject([
      {
        level: 'info',
        msg: 'request completed',
        trace_id: traceId,
        span_id: spanId,
        'http.request.method': 'GET',
        'http.route': '/orders/:id',
        'http.response.status_code': 200,
        'url.path': '/orders/7',
        duration_ms: expect.any(Number),
      },
    ]);
    expect(JSON.stringify([lines, span?.attributes])).not.toContain('s3cret');
  });

  it('marks what failed here as an error, in all three', async () => {
    await start().inject('/broken');
    expect(recorded.getFinishedSpans()).toMatchObject([
      { status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': '500' } },
    ]);
    expect(await observations()).toMatchObject([{ labels: { http_response_status_code: 500, error_type: 500 } }]);
    expect(lines).toMatchObject([{ level: 'error', 'http.response.status_code': 500 }]);
  });

  describe('with half of the ordinary requests logged', () => {
    const traced = (lastDigits: string) => ({ traceparent: `00-${'c'.repeat(24)}${lastDigits}-${caller.spanId}-01` });

    it.each([
      ['7fffffff', 1],
      ['80000000', 0],
    ])('lets the trace id decide: %s', async (lastDigits, expected) => {
      await start(true, 0.5).inject({ url: '/orders/7', headers: traced(lastDigits) });
      expect(lines).toHaveLength(expected);
      expect(await observations()).toHaveLength(1);
      expect(recorded.getFinishedSpans()).toHaveLength(1);
    });

    it.each(['/broken', '/unknown'])('logs every request that fails: %s', async (url) => {
      await start(true, 0.5).inject({ url, headers: traced('ffffffff') });
      expect(lines).toHaveLength(1);
    });

    it('logs every request that takes a second', async () => {
      start(true, 0.5).get('/slow', async () => {
        jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 1_000);
      });
      await fastify.inject({ url: '/slow', headers: traced('ffffffff') });
      jest.restoreAllMocks();
      expect(lines).toHaveLength(1);
    });
  });

  it('makes one series of all unknown URLs and methods', async () => {
    start();
    for (const url of ['/a', '/b', '/c?d']) await fastify.inject(url);
    expect(await observations()).toMatchObject([{ value: 3, labels: { http_route: unmatchedRoute } }]);
    const [span] = recorded.getFinishedSpans();
    expect(span?.name).toBe('GET');
    expect(span?.attributes).not.toHaveProperty('http.route');
  });

  it('counts the requests in flight, down to none', async () => {
    const handled = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    start().get('/slow', async () => {
      handled.resolve();
      await answer.promise;
    });
    const response = fastify.inject('/slow').then(({ statusCode }) => statusCode);
    await handled.promise;
    expect(await inFlight()).toBe(1);
    answer.resolve();
    await response;
    expect(await inFlight()).toBe(0);
  });

  it('runs a handler in the span of its request', async () => {
    const { span } = (await start().inject('/orders/7')).json();
    expect(span).toMatchObject({ spanId: recorded.getFinishedSpans()[0]?.spanContext().spanId });
  });

  it('runs it there too when a body has to arrive first', async () => {
    const begun = Promise.withResolvers<void>();
    start().addHook('onRequest', async () => begun.resolve());
    const socket = await connectTo(fastify);
    socket.write('POST /orders HTTP/1.1\r\nHost: spec\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n');
    await begun.promise;
    socket.write('{}');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    const [span] = await eventually('the span ends', () => recorded.getFinishedSpans());
    expect(answer.toString()).toContain(`"spanId":"${span?.spanContext().spanId}"`);
    socket.destroy();
  });

  it('starts a trace of its own, linked to the caller’s, where callers are not trusted', async () => {
    await start(false).inject({ url: '/orders/7', headers });
    const [span] = recorded.getFinishedSpans();
    expect(span?.spanContext().traceId).not.toBe(caller.traceId);
    expect(span?.parentSpanContext).toBeUndefined();
    expect(span?.links).toMatchObject([{ context: caller }]);
  });

  it('continues the caller’s trace where callers are trusted', async () => {
    await start(true).inject({ url: '/orders/7', headers });
    const [span] = recorded.getFinishedSpans();
    expect(span?.spanContext().traceId).toBe(caller.traceId);
    expect(span?.parentSpanContext).toMatchObject({ spanId: caller.spanId });
    expect(span?.links).toEqual([]);
  });

  it.each([
    ['waits for the answer', 'GET', '', 0],
    [
      'has sent a body and waits for the answer',
      'POST',
      'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
      0,
    ],
    ['is in the middle of the answer', 'GET', '', 1],
  ])('records a client that goes away while it %s as 499, once', async (_when, method, body, chunks) => {
    const handled = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const settled = Promise.withResolvers<void>();
    start().route({
      method,
      url: '/slow',
      handler: async (_request, reply) => {
        reply.raw.once('close', () => settled.resolve());
        handled.resolve();
        if (chunks > 0) return Readable.from(halfAnAnswer(answer.promise));
        await answer.promise;
        return {};
      },
    });
    const socket = await connectTo(fastify);
    socket.write(`${method} /slow HTTP/1.1\r\nHost: spec\r\n${body || '\r\n'}`);
    await handled.promise;
    if (chunks > 0) await once(socket, 'data');
    socket.destroy();
    await settled.promise;
    answer.resolve();
    await eventually('the line is written', () => lines.length > 0);
    await fastify.close();

    expect(lines).toMatchObject([{ msg: 'client went away', 'http.response.status_code': 499 }]);
    expect(await observations()).toMatchObject([
      { value: 1, labels: { http_route: '/slow', http_response_status_code: 499, error_type: 499 } },
    ]);
    expect(recorded.getFinishedSpans()).toMatchObject([{ status: { code: SpanStatusCode.ERROR } }]);
    expect(await inFlight()).toBe(0);
  });
});

async function* halfAnAnswer(until: Promise<void>) {
  yield 'half';
  await until;
}
