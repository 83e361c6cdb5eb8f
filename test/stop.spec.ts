import { createConnection, type Socket } from 'node:net';
import { eventually } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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
    await eventually('it is not ready', async () => (await fetch(`${storefront.admin}/readyz`)).status === 503);
    expect((await fetch(`${storefront.admin}/livez`)).status).toBe(200);
    expect(await (await fetch(`${storefront.admin}/healthz`)).json()).toMatchObject({ status: 'shutting_down' });
    socket.write(body.slice(10));
    expect(await exited).toBe(0);
    expect(answer()).toContain('HTTP/1.1 201');
  });

  it('waits no longer than it was told, says so, and exits with 1', async () => {
    const storefront = await shop.startService('storefront');
    const { socket } = await halfACheckout();
    expect(await storefront.stop()).toBe(1);
    expect(storefront.logs).toContainEqual(
      expect.objectContaining({ level: 'error', msg: 'requests in flight were cut short' }),
    );
    socket.destroy();
  });

  it('ends idle services with 0, on either signal', async () => {
    expect(await shop.services.orders.stop('SIGTERM')).toBe(0);
    expect(await shop.services.payments.stop('SIGINT')).toBe(0);
  });
});
