import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Shop } from './shop.js';

const json = { 'content-type': 'application/json' };
const good = { items: [{ sku: 'compass', quantity: 1 }] };
const post = (body: string, headers: Record<string, string> = json): RequestInit => ({ method: 'POST', body, headers });
const order = (body: unknown) => post(JSON.stringify(body), { ...json, 'idempotency-key': crypto.randomUUID() });

type Case = [what: string, path: string, init: RequestInit, status: number, code: string, field?: string];

describe('bad input', () => {
  let shop: Shop;

  beforeAll(async () => {
    shop = await Shop.start();
  });

  afterAll(() => shop?.stop());

  const cases: Case[] = [
    ['malformed JSON', '/checkout', post('{"items":'), 400, 'malformed_json'],
    ['an empty body', '/checkout', post(''), 400, 'malformed_json'],
    ['a prototype in JSON', '/checkout', post('{"__proto__":{"admin":true}}'), 400, 'malformed_json'],
    ['a body that is not an object', '/checkout', post('[]'), 400, 'validation_failed'],
    ['null', '/checkout', post('null'), 400, 'validation_failed'],
    ['no items', '/checkout', order({}), 400, 'validation_failed', 'items'],
    ['an empty list', '/checkout', order({ items: [] }), 400, 'validation_failed', 'items'],
    [
      'a quantity of the wrong type',
      '/checkout',
      order({ items: [{ sku: 'keel', quantity: '1' }] }),
      400,
      'validation_failed',
      'items.0.quantity',
    ],
    [
      'a fraction',
      '/checkout',
      order({ items: [{ sku: 'keel', quantity: 1.5 }] }),
      400,
      'validation_failed',
      'items.0.quantity',
    ],
    [
      'nothing of something',
      '/checkout',
      order({ items: [{ sku: 'keel', quantity: 0 }] }),
      400,
      'validation_failed',
      'items.0.quantity',
    ],
    [
      'more than a number holds',
      '/checkout',
      order({ items: [{ sku: 'keel', quantity: 1e308 }] }),
      400,
      'validation_failed',
      'items.0.quantity',
    ],
    [
      'a NUL in a name',
      '/checkout',
      order({ items: [{ sku: 'ke\u0000el', quantity: 1 }] }),
      400,
      'validation_failed',
      'items.0.sku',
    ],
    ['an unknown field', '/checkout', order({ ...good, coupon: 'x' }), 400, 'validation_failed', 'coupon'],
    [
      'an unknown field, deep',
      '/checkout',
      order({ items: [{ sku: 'keel', quantity: 1, price: 1 }] }),
      400,
      'validation_failed',
      'items.0.price',
    ],
    [
      'an unknown payment method',
      '/checkout',
      order({ ...good, paymentMethod: 'gold' }),
      400,
      'validation_failed',
      'paymentMethod',
    ],
    [
      'the same product twice',
      '/checkout',
      order({ items: [good.items[0], good.items[0]] }),
      400,
      'validation_failed',
      'items',
    ],
    [
      'an unknown product',
      '/checkout',
      order({ items: [{ sku: 'whale', quantity: 1 }] }),
      422,
      'unknown_product',
      'items.0.sku',
    ],
    [
      'more than there is',
      '/checkout',
      order({ items: [{ sku: 'sextant', quantity: 900 }] }),
      409,
      'out_of_stock',
      'items.0.quantity',
    ],
    [
      'a key with a space',
      '/checkout',
      post(JSON.stringify(good), { ...json, 'idempotency-key': 'a b' }),
      400,
      'idempotency_key_invalid',
      'Idempotency-Key',
    ],
    [
      'a key too long',
      '/checkout',
      post(JSON.stringify(good), { ...json, 'idempotency-key': 'k'.repeat(256) }),
      400,
      'idempotency_key_invalid',
      'Idempotency-Key',
    ],
    [
      'another media type',
      '/checkout',
      post('items=1', { 'content-type': 'application/x-www-form-urlencoded' }),
      415,
      'unsupported_media_type',
    ],
    [
      'plain text',
      '/checkout',
      post(JSON.stringify(good), { 'content-type': 'text/plain' }),
      415,
      'unsupported_media_type',
    ],
    ['a body over the limit', '/checkout', post(JSON.stringify({ items: 'x'.repeat(200_000) })), 413, 'body_too_large'],
    ['an unknown route', '/basket', {}, 404, 'not_found'],
    ['a wrong method', '/checkout', { method: 'DELETE' }, 405, 'method_not_allowed'],
    ['a product that cannot be', '/products/NO%00PE', {}, 400, 'validation_failed', 'sku'],
    ['a product that is not', '/products/whale', {}, 404, 'product_not_found'],
    ['an order that cannot be', "/orders/1'--", {}, 400, 'validation_failed', 'id'],
    ['an order that is not', `/orders/${crypto.randomUUID()}`, {}, 404, 'order_not_found'],
    ['a path with bad escapes', '/products/%zz', {}, 400, 'bad_request'],
    ['a path longer than any', `/products/${'a'.repeat(500)}`, {}, 414, 'path_too_long'],
  ];

  it.each(cases)('%s gets a problem document that says so', async (...[, path, init, status, code, field]: Case) => {
    const response = await fetch(shop.url + path, init);
    const problem = (await response.json()) as Record<string, unknown>;
    expect({ status: response.status, type: response.headers.get('content-type') }).toEqual({
      status,
      type: expect.stringContaining('application/problem+json'),
    });
    expect(problem).toMatchObject({
      type: expect.any(String),
      title: expect.any(String),
      status,
      detail: expect.any(String),
      instance: path,
      code,
    });
    if (!refusedByRouter.has(path)) expect(problem.traceId).toMatch(/^[0-9a-f]{32}$/);
    if (field) expect(problem.errors).toContainEqual({ path: field, message: expect.any(String) });
    expect(JSON.stringify(problem)).not.toMatch(/\.(js|ts):\d+|node_modules/);
  });

  /** They have no route, no hook and no trace yet. */
  const refusedByRouter = new Set(cases.slice(-2).map(([, path]) => path));

  it('is told which methods a path takes', async () => {
    const response = await fetch(`${shop.url}/checkout`, { method: 'PUT' });
    expect(response.headers.get('allow')).toBe('POST');
  });

  it('without a key is refused where one is needed', async () => {
    for (const [service, path] of [
      ['orders', '/orders'],
      ['payments', '/payments'],
    ] as const) {
      const response = await fetch(shop.services[service].url + path, post(JSON.stringify(good)));
      expect([response.status, await response.json()]).toEqual([
        400,
        expect.objectContaining({ code: 'idempotency_key_missing' }),
      ]);
    }
  });

  const raw: [what: string, request: string, status: number][] = [
    ['garbage', 'GARBAGE\r\n\r\n', 400],
    ['a header with a line feed', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\nb\r\n\r\n', 400],
    ['headers over the limit', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(64_000)}\r\n\r\n`, 431],
    ['two lengths', 'POST /checkout HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400],
    [
      'a length and chunks',
      'POST /checkout HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
  ];

  it.each(raw)('%s on the socket gets a problem document too', async (_what, request, status) => {
    const answer = await exchange(shop.services.storefront.port, request);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain('application/problem+json');
  });

  it('writes nothing and is never our fault', async () => {
    expect(await shop.query('orders', 'select from orders')).toEqual([]);
    expect(await shop.query('orders', 'select from outbox')).toEqual([]);
    expect(await shop.query('payments', 'select from payments')).toEqual([]);
    expect(await shop.query('orders', 'select sku from products where stock not in (100000, 3)')).toEqual([]);
    for (const { logs } of Object.values(shop.services))
      expect(logs.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

function exchange(port: number, request: string): Promise<string> {
  const socket = createConnection(port, '127.0.0.1', () => socket.write(request));
  // Whoever gets no answer at all sees an empty one.
  socket.setTimeout(5_000, () => socket.destroy());
  socket.on('error', () => undefined);
  return text(socket);
}
