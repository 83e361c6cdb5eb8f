import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AxiosError } from 'axios';
import type { AttemptEvent, ResilienceEvent } from '../events/resilience.events.js';
import { HttpClient } from './http-client.js';
import type { HttpClientOptions } from './http-client.options.js';

describe('HttpClient', () => {
  let server: Server;
  let port: number;
  let requests: IncomingMessage[];
  let answer: RequestListener;
  let events: AttemptEvent[];
  let client: HttpClient;

  beforeEach(async () => {
    requests = [];
    events = [];
    answer = (_request, response) => response.setHeader('content-type', 'application/json').end('{"ok":true}');
    server = createServer((request, response) => {
      requests.push(request);
      answer(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
    connect();
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await client.close().catch(() => undefined);
  });

  function connect(options: Partial<HttpClientOptions> = {}): HttpClient {
    const baseUrl = `http://127.0.0.1:${port}`;
    // This is about the transport: http-client.pipeline.spec.ts is about the policies.
    const policies = { retry: false, circuitBreaker: false, bulkhead: false } as const;
    const emit = (event: ResilienceEvent) => event.type === 'attempt' && events.push(event);
    client = new HttpClient('payments', { baseUrl, ...policies, ...options }, { emit });
    return client;
  }

  async function failure(call: Promise<unknown>): Promise<AxiosError> {
    const error = await call.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AxiosError);
    return error as AxiosError;
  }

  it.each([
    ['adapter', async () => ({ status: 200 })],
    ['timeout', 5],
    ['maxRedirects', 5],
    ['proxy', { host: '127.0.0.1', port: 1 }],
    ['baseURL', 'http://elsewhere'],
    ['auth', { username: 'app', password: 'secret' }],
    ['axios-retry', { retries: 9 }],
  ])('refuses %s as an option of one request, and sends nothing', async (name, value) => {
    const request = { [name]: value };
    for (const call of [client.get('/', request), client.post('/', {}, request), client.request('/', request)]) {
      await expect(call).rejects.toThrow(`${name} is not an option of one request`);
    }
    expect(requests).toHaveLength(0);
  });

  describe('sends', () => {
    it('GET, and reads the JSON of the answer', async () => {
      const { data, status, headers } = await client.get('/products');
      expect({ data, status }).toEqual({ data: { ok: true }, status: 200 });
      expect(headers['content-type']).toBe('application/json');
      expect(requests).toMatchObject([{ method: 'GET', url: '/products', headers: { accept: 'application/json' } }]);
    });

    it('POST with JSON and headers', async () => {
      answer = async (request, response) => response.end(JSON.stringify(await json(request)));
      const order = { items: [{ sku: 'keel', quantity: 2 }], note: 'grüße' };
      const { data } = await client.post('/orders', order, { headers: { 'Idempotency-Key': 'k1' } });
      expect(data).toEqual(order);
      expect(requests).toMatchObject([
        { method: 'POST', headers: { 'content-type': 'application/json', 'idempotency-key': 'k1' } },
      ]);
    });

    it.each([
      [{ page: 2, q: 'a&b c' }, '/products?page=2&q=a%26b+c'],
      [{ page: undefined, q: null }, '/products'],
      [{ tag: ['a', 'b'] }, '/products?tag[]=a&tag[]=b'],
    ])('the parameters %j as axios writes them', async (params, url) => {
      await client.get('/products', { params });
      expect(decodeURI(requests[0]?.url ?? '')).toBe(decodeURI(url));
    });

    it('parameters beside those that the path has', async () => {
      await client.get('/products?sort=name', { params: { page: 2 } });
      expect(requests[0]?.url).toBe('/products?sort=name&page=2');
    });

    it.each(['/api', '/api/'])('everything below the path of its base address (%s)', async (path) => {
      connect({ baseUrl: `http://127.0.0.1:${port}${path}` });
      await client.get('/products');
      await client.get('orders/7');
      expect(requests.map(({ url }) => url)).toEqual(['/api/products', '/api/orders/7']);
    });

    it.each(['http://127.0.0.1:1/x', '//127.0.0.1:1/x', 'https://example.com/'])(
      'nothing to another address, though the path be %s',
      async (path) => {
        await client.get(path);
        expect(requests[0]?.url).toContain(path.replace(/^\//, ''));
      },
    );

    it.each(['/..', '/../admin', '/orders/../../admin', '/%2e%2e/admin'])(
      'nothing above the path of its base address, though the path be %s',
      async (path) => {
        connect({ baseUrl: `http://127.0.0.1:${port}/api` });
        const { code } = await failure(client.get(path));
        expect(code).toBe('ERR_INVALID_URL');
        expect(requests).toEqual([]);
      },
    );

    it('no request whose body is larger than maxRequestBytes', async () => {
      connect({ maxRequestBytes: 10 });
      const { code, message } = await failure(client.post('/orders', { note: 'larger than ten bytes' }));
      expect({ code, message }).toEqual({
        code: 'ERR_BAD_REQUEST',
        message: 'Request body larger than maxRequestBytes',
      });
      expect(requests).toEqual([]);
    });
  });

  describe('fails', () => {
    it.each([
      [404, 'ERR_BAD_REQUEST'],
      [422, 'ERR_BAD_REQUEST'],
      [500, 'ERR_BAD_RESPONSE'],
      [503, 'ERR_BAD_RESPONSE'],
    ])('with the answer, when that is a %i', async (status, code) => {
      answer = (_request, response) => response.writeHead(status, { 'retry-after': '3' }).end('{"code":"no"}');
      const error = await failure(client.get('/'));
      expect(error.code).toBe(code);
      expect(error.response).toMatchObject({ status, data: { code: 'no' }, headers: { 'retry-after': '3' } });
      expect(error.config?.url).toBe('/');
    });

    it('on a redirect, which it does not follow', async () => {
      answer = (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end();
      const { response } = await failure(client.get('/'));
      expect(response?.status).toBe(302);
      expect(requests).toHaveLength(1);
    });

    it('with ETIMEDOUT when no answer comes', async () => {
      answer = () => undefined;
      connect({ attemptTimeoutMs: 30 });
      const { code, message } = await failure(client.get('/'));
      expect({ code, message }).toEqual({ code: 'ETIMEDOUT', message: 'The attempt timed out' });
    });

    it('with ETIMEDOUT when the answer does not end', async () => {
      answer = (_request, response) => response.writeHead(200).write('{"half":');
      connect({ attemptTimeoutMs: 30 });
      expect((await failure(client.get('/'))).code).toBe('ETIMEDOUT');
    });

    it('with ETIMEDOUT when all connections are busy for so long', async () => {
      answer = () => undefined;
      connect({ attemptTimeoutMs: 30, maxConnections: 1 });
      const errors = await Promise.all(['/a', '/b'].map((path) => failure(client.get(path))));
      expect(errors.map(({ code }) => code)).toEqual(['ETIMEDOUT', 'ETIMEDOUT']);
    });

    it('with ECONNREFUSED when nobody listens', async () => {
      server.close();
      await once(server, 'close');
      const error = await failure(client.get('/'));
      expect(error.code).toBe('ECONNREFUSED');
      expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' });
    });

    it.each([
      ['instead of an answer', (socket: Socket) => socket.resetAndDestroy()],
      ['without an answer', (socket: Socket) => socket.end()],
      [
        'in the middle of the answer',
        (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'),
      ],
    ])('with ECONNRESET when the connection ends %s', async (_when, end) => {
      const rude = createTcpServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => end(socket));
      }).listen(0, '127.0.0.1');
      await once(rude, 'listening');
      connect({ baseUrl: `http://127.0.0.1:${(rude.address() as AddressInfo).port}` });
      expect((await failure(client.get('/'))).code).toBe('ECONNRESET');
      rude.close();
    });

    it('on an answer larger than maxResponseBytes', async () => {
      answer = (_request, response) => response.end('x'.repeat(1_001));
      connect({ maxResponseBytes: 1_000 });
      expect((await failure(client.get('/'))).code).toBe('ERR_BAD_RESPONSE');
    });

    it('at once when the caller’s signal aborts', async () => {
      const caller = new AbortController();
      answer = () => caller.abort();
      connect({ attemptTimeoutMs: 600_000, totalTimeoutMs: 600_000 });
      await expect(client.get('/', { signal: caller.signal })).rejects.toMatchObject({ code: 'cancelled' });
      expect(requests).toHaveLength(1);
      expect(events).toMatchObject([{ errorType: 'ERR_CANCELED' }]);
    });
  });

  describe('tells', () => {
    const told = { type: 'attempt', client: 'payments', serverAddress: '127.0.0.1', durationMs: expect.any(Number) };

    it('of an attempt that was answered', async () => {
      await client.post('/orders', {});
      expect(events).toEqual([{ ...told, serverPort: port, method: 'POST', statusCode: 200 }]);
    });

    it('of one that was answered with an error', async () => {
      answer = (_request, response) => response.writeHead(503).end();
      await failure(client.get('/'));
      expect(events).toEqual([{ ...told, serverPort: port, method: 'GET', statusCode: 503 }]);
    });

    it('of one without an answer', async () => {
      answer = (request) => request.socket.destroy();
      await failure(client.get('/'));
      expect(events).toEqual([{ ...told, serverPort: port, method: 'GET', errorType: 'ECONNRESET' }]);
    });
  });

  it('uses its connections again, and closes them in the end', async () => {
    for (const path of ['/1', '/2', '/3', '/4', '/5']) await client.get(path);
    const sockets = new Set(requests.map(({ socket }) => socket));
    expect(sockets.size).toBeLessThan(5);
    await Promise.all([client.close(), ...[...sockets].map((socket) => once(socket, 'close'))]);
    await failure(client.get('/6'));
    expect(requests).toHaveLength(5);
  });

  it('refuses options that are out of range', () => {
    expect(() => connect({ attemptTimeoutMs: 0 })).toThrow('attemptTimeoutMs');
  });
});
