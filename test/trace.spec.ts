import { eventually, OtlpReceiver, type ReceivedSpan } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Shop } from './shop.js';

const server = 2;
const client = 3;
const consumer = 5;

describe('a checkout, seen from outside', () => {
  let otlp: OtlpReceiver;
  let shop: Shop;
  let spans: ReceivedSpan[];
  let traceId: string;

  beforeAll(async () => {
    otlp = await OtlpReceiver.start();
    shop = await Shop.start(otlp.env);
    const response = await shop.checkout({ items: [{ sku: 'compass', quantity: 1 }] });
    expect(response.status).toBe(201);
    const root = await eventually('the root span arrives', () =>
      otlp.spans.find(({ name }) => name === 'POST /checkout'),
    );
    traceId = root.traceId;
    // Five spans of HTTP and at least one for each of the statements that an order takes.
    await eventually(
      'all services have exported',
      () => otlp.trace(traceId).filter(({ kind }) => kind === server).length === 3,
    );
    spans = otlp.trace(traceId);
  });

  afterAll(async () => {
    await shop?.stop();
    await otlp?.stop();
  });

  const ofService = (service: string, kind: number) =>
    spans.filter((span) => span.service === service && span.kind === kind);
  const http = (span: ReceivedSpan) => span.attributes['http.request.method'] !== undefined;

  it('is one trace: each hop has a client span, and the next server span below it', () => {
    const [edge] = ofService('storefront', server);
    const [toOrders] = ofService('storefront', client).filter(http);
    const [orders] = ofService('orders', server);
    const [toPayments] = ofService('orders', client).filter(http);
    const [payments] = ofService('payments', server);
    expect(edge?.parentSpanId).toBe('');
    expect(orders?.parentSpanId).toBe(toOrders?.spanId);
    expect(payments?.parentSpanId).toBe(toPayments?.spanId);
    expect(toOrders?.parentSpanId).toBe(edge?.spanId);
    expect(
      spans.every((span) => span.parentSpanId === '' || spans.some(({ spanId }) => spanId === span.parentSpanId)),
    ).toBe(true);
  });

  it('names server spans and their attributes by the semantic conventions', () => {
    expect(ofService('orders', server)).toEqual([
      expect.objectContaining({
        name: 'POST /orders',
        attributes: expect.objectContaining({
          'http.request.method': 'POST',
          'http.route': '/orders',
          'url.path': '/orders',
          'url.scheme': 'http',
          'http.response.status_code': 201,
        }),
      }),
    ]);
  });

  it('has a span for every SQL statement, below the service that ran it', () => {
    const statements = (service: string) =>
      ofService(service, client)
        .filter((span) => !http(span))
        .sort((a, b) => (BigInt(a.startTimeUnixNano) < BigInt(b.startTimeUnixNano) ? -1 : 1))
        .map(({ name }) => name.replace('pg.query:', '').replace(/ \w+$/, ''))
        .join(' ');
    const key = 'SELECT';
    const reserve = 'BEGIN SELECT INSERT UPDATE INSERT INSERT COMMIT';
    const settle = 'SELECT BEGIN UPDATE INSERT COMMIT SELECT';
    expect(statements('orders')).toBe(`${key} ${reserve} ${settle}`);
    // The key, the payment and the answer are one transaction.
    expect(statements('payments')).toBe('BEGIN INSERT INSERT UPDATE COMMIT');
  });

  it('leaves its trace id on the log lines of all three services', async () => {
    for (const service of Object.values(shop.services)) {
      const line = await eventually('the request line is there', () =>
        service.logs.find((entry) => entry.trace_id === traceId && entry.msg === 'request completed'),
      );
      expect(line).toMatchObject({
        service: expect.any(String),
        span_id: expect.any(String),
        'http.request.method': 'POST',
      });
    }
  });

  it('leaves its trace id as the exemplar of its latency bucket', async () => {
    const metrics = await (await fetch(`${shop.services.storefront.admin}/metrics`)).text();
    const bucket = metrics
      .split('\n')
      .find(
        (line) =>
          line.startsWith('http_server_request_duration_seconds_bucket') && line.includes(`trace_id="${traceId}"`),
      );
    expect(bucket).toContain('http_route="/checkout"');
  });

  it('is linked from the delivery of its events, which are traces of their own', async () => {
    const delivery = await eventually('order.paid is delivered', () =>
      otlp.spans.find((span) => span.kind === consumer && span.name === 'process order.paid'),
    );
    expect(delivery.traceId).not.toBe(traceId);
    expect(delivery.links).toEqual([expect.objectContaining({ traceId })]);
  });

  it('does not let a stranger choose its trace at the edge, only link to it', async () => {
    const stranger = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
    await fetch(`${shop.url}/products`, { headers: { traceparent: `00-${stranger}-bbbbbbbbbbbbbbbb-01` } });
    const span = await eventually('the span arrives', () =>
      otlp.spans.find(({ links }) => links.some((link) => link.traceId === stranger)),
    );
    expect(span.traceId).not.toBe(stranger);
    expect(otlp.trace(stranger)).toEqual([]);
  });
});
