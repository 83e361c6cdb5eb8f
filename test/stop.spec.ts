import { createConnection, type Socket } from 'node:net';
import { eventually } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { probe } from './probes.js';
import { Shop } from './shop.js';

const body = JSON.stringify({ items: [{ sku: 'compass', quantity: 1 }] });

describe('a stop', () => {
  let shop: Shop;

  beforeAll(async () => {
    shop = await Shop.start({ DRAIN_TIMEOUT_MS: '1500' });
  });

  afterAll(() => shop?.stop());

  /** A checkout of which only the first half has arrived. */
  async function halfACheckout(): Promise<{ socket: Socket; answer: () => string }> {
    const socket = createConnection(shop.services.storefront.port, '127.0.0.1');
    let received = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text;
    });
    socket.on('error', () => undefined);
    const head = `POST /checkout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    socket.write(head + body.slice(0, 10));
    const active = /http_server_active_requests\{http_request_method="POST"[^}]*\} 1/;
    await eventually('the request is in flight', async () =>
      active.test(await (await fetch(`${shop.services.storefront.admin}/metrics`)).text()),
    );
    return { socket, answer: () => received };
  }

  it('is not ready at once, but alive, and ends what it has begun', async () => {
    const { storefront } = shop.services;
    const { socket, answer } = await halfACheckout();
    const exited = storefront.stop();
    await eventually('it is not ready', async () => (await probe(storefront, 'readyz')).httpStatus === 503);
    expect((await probe(storefront, 'livez')).httpStatus).toBe(200);
    expect(await probe(storefront, 'healthz')).toMatchObject({ httpStatus: 503, status: 'shutting_down' });
    socket.write(body.slice(10));
    expect(await exited).toBe(0);
    expect(answer()).toContain('HTTP/1.1 201');
  });

  it('waits no longer than it was told, tells the client and the log of each request, and exits with 1', async () => {
    const storefront = await shop.startService('storefront');
    const { answer } = await halfACheckout();
    expect(await storefront.stop()).toBe(1);
    expect(answer()).toMatch(/^HTTP\/1\.1 503 .*"code":"shutting_down"/s);
    const [, traceId] = /"traceId":"(\w+)"/.exec(answer()) ?? [];
    expect(storefront.logs).toContainEqual(
      expect.objectContaining({
        level: 'error',
        msg: 'request cut short by the stop',
        route: '/checkout',
        trace_id: traceId,
      }),
    );
  });

  it('serves new connections until routers have noticed, and asks them to go elsewhere', async () => {
    const storefront = await shop.startService('storefront', { SHUTDOWN_DELAY_MS: '1000' });
    const exited = storefront.stop();
    await eventually('it is not ready', async () => (await probe(storefront, 'readyz')).httpStatus === 503);
    const { status, headers } = await fetch(`${storefront.url}/products`);
    expect([status, headers.get('connection')]).toEqual([200, 'close']);
    expect(await exited).toBe(0);
  });

  it('does not wait for anybody when it is told a second time', async () => {
    const storefront = await shop.startService('storefront', {
      SHUTDOWN_DELAY_MS: '600000',
      DRAIN_TIMEOUT_MS: '600000',
    });
    const { answer } = await halfACheckout();
    const exited = storefront.stop();
    await eventually('it stops', async () => (await probe(storefront, 'readyz')).httpStatus === 503);
    void storefront.stop();
    expect(await exited).toBe(1);
    expect(answer()).toContain('shutting_down');
  });

  it('is begun by an error that nobody caught, and ends what is in flight all the same', async () => {
    const onSignal = "process.on('SIGUSR2', () => Promise.reject(new Error('nobody catches this')))";
    const storefront = await shop.startService('storefront', {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(onSignal)}`,
    });
    const { socket, answer } = await halfACheckout();
    process.kill(storefront.pid, 'SIGUSR2');
    await eventually('it stops', async () => (await probe(storefront, 'readyz')).httpStatus === 503);
    socket.write(body.slice(10));
    expect(await storefront.exited).toBe(1);
    expect(answer()).toContain('HTTP/1.1 201');
    expect(storefront.logs).toContainEqual(
      expect.objectContaining({
        level: 'fatal',
        msg: 'unhandledRejection',
        err: expect.objectContaining({ message: 'nobody catches this' }),
      }),
    );
  });

  it('ends idle services with 0, on either signal', async () => {
    expect(await shop.services.orders.stop('SIGTERM')).toBe(0);
    expect(await shop.services.payments.stop('SIGINT')).toBe(0);
  });
});
