import { createServer, type Server } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, OtlpReceiver } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Shop } from './shop.js';

const basket = { items: [{ sku: 'compass', quantity: 1 }] };

describe('payments that fail', () => {
  let shop: Shop;

  beforeAll(async () => {
    shop = await Shop.start({
      SETTLE_AFTER_MS: '300',
      OUTBOX_BACKOFF_MAX_MS: '500',
      PAYMENTS_CIRCUIT_BREAKER_OPEN_MS: '700',
    });
  });

  afterAll(() => shop?.stop());

  const checkout = async () => {
    const response = await shop.checkout(basket);
    await response.arrayBuffer();
    return response.status;
  };
  const breaker = async (): Promise<string> => {
    const view = await (await fetch(`${shop.services.orders.admin}/resilience`)).json();
    return (view as { payments: { circuitBreaker: { state: string } } }).payments.circuitBreaker.state;
  };
  const operate = (action: string) =>
    fetch(`${shop.services.orders.admin}/resilience/payments/breaker`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ action }),
    });
  const paymentRequests = () =>
    shop.processes.flatMap(({ logs }) => logs.filter((line) => line['http.route'] === '/payments')).length;
  const allSettled = () =>
    eventually(
      'every order is settled',
      async () => (await shop.query('orders', `select from orders where status = 'pending'`)).length === 0,
    );

  it('leave orders pending, open the breaker, and are found again by themselves', async () => {
    await shop.services.payments.kill();
    for (let count = 0; count < 6; count++) expect(await checkout()).toBe(202);
    expect(await breaker()).toMatch(/open/);
    const metrics = await (await fetch(`${shop.services.orders.admin}/metrics`)).text();
    expect(metrics).toMatch(/circuit_breaker_transitions_total\{client="payments",from="closed",to="open"\} 1/);
    expect(shop.services.orders.logs).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        msg: 'circuit breaker of payments: closed to open',
        trace_id: expect.any(String),
      }),
    );

    await shop.startService('payments');
    await eventually('the breaker has closed', async () => (await checkout()) && (await breaker()) === 'closed', {
      everyMs: 200,
    });
    expect(await checkout()).toBe(201);
    await allSettled();
  });

  it('are not asked at all while an operator keeps the breaker open', async () => {
    expect((await operate('force-open')).status).toBe(200);
    const before = paymentRequests();
    expect(await checkout()).toBe(202);
    expect(paymentRequests()).toBe(before);
    expect((await operate('reset')).status).toBe(200);
    expect(await checkout()).toBe(201);
    await allSettled();
  });

  it('get a clear answer for an operation that there is not', async () => {
    const response = await operate('explode');
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({ errors: [expect.objectContaining({ path: 'action' })] }),
    ]);
  });
});

describe('a payment whose first answer is lost', () => {
  const charges = new Map<string, object>();
  let requests = 0;
  let payments: Server;
  let otlp: OtlpReceiver;
  let shop: Shop;

  beforeAll(async () => {
    payments = createServer(async (request, response) => {
      requests += 1;
      const key = String(request.headers['idempotency-key']);
      const known = charges.get(key);
      await json(request);
      if (!known) {
        charges.set(key, { id: crypto.randomUUID(), status: 'authorised' });
        request.socket.destroy();
        return;
      }
      response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(known));
    });
    await new Promise<void>((resolve) => payments.listen(0, '127.0.0.1', resolve));
    const { port } = payments.address() as { port: number };
    otlp = await OtlpReceiver.start();
    shop = await Shop.start({ ...otlp.env, PAYMENTS_URL: `http://127.0.0.1:${port}` });
  });

  afterAll(async () => {
    await shop?.stop();
    await otlp?.stop();
    payments?.closeAllConnections();
    payments?.close();
  });

  it('is asked for again with the same key: one charge, and the checkout succeeds', async () => {
    const response = await shop.checkout(basket);
    expect([response.status, await response.json()]).toEqual([201, expect.objectContaining({ status: 'paid' })]);
    expect([charges.size, requests]).toEqual([1, 2]);
  });

  it('shows each attempt as a span of its own, the second with its count', async () => {
    const attempts = await eventually('both spans are here', () => {
      const spans = otlp.spans.filter(
        ({ service, kind, name }) => service === 'orders' && kind === 3 && name === 'POST',
      );
      return spans.length === 2 && spans;
    });
    expect(attempts.map(({ attributes }) => attributes['http.request.resend_count'])).toEqual([undefined, 1]);
  });
});

describe('a deadline over three hops, with a statement that waits in the last', () => {
  const deadlineMs = 1_000;
  const terminateLock = `select pg_terminate_backend(pid) from pg_stat_activity where query like 'begin; lock%' and pid <> pg_backend_pid()`;
  let otlp: OtlpReceiver;
  let shop: Shop;

  beforeAll(async () => {
    otlp = await OtlpReceiver.start();
    shop = await Shop.start({
      ...otlp.env,
      REQUEST_DEADLINE_MS: String(deadlineMs),
      PAYMENTS_ATTEMPT_TIMEOUT_MS: '3000',
    });
  });

  afterAll(async () => {
    await shop?.stop();
    await otlp?.stop();
  });

  it('answers 504 at the edge, stops the statement, and starts nothing more', async () => {
    // Holds every insert into payments until it is ended.
    const lock = shop
      .query('payments', 'begin; lock table payments in exclusive mode; select pg_sleep(8)')
      .catch(() => undefined);
    await sleep(200);
    const sentAt = Date.now();
    const response = await shop.checkout(basket);
    const problem = (await response.json()) as { code: string; traceId: string };
    expect([response.status, problem.code]).toEqual([504, 'deadline_exceeded']);

    const waiting = `select pid from pg_stat_activity where datname = 'payments' and wait_event_type = 'Lock'`;
    await eventually('the statement is gone', async () => (await shop.query('payments', waiting)).length === 0, {
      timeoutMs: 3_000,
    });
    await shop.query('payments', terminateLock);
    await lock;

    await eventually(
      'all spans are here',
      () => otlp.trace(problem.traceId).filter(({ kind }) => kind === 2).length === 3,
    );
    const late = otlp
      .trace(problem.traceId)
      .filter(({ startTimeUnixNano }) => Number(BigInt(startTimeUnixNano) / 1_000_000n) > sentAt + deadlineMs * 1.5)
      .filter(({ name }) => !/ROLLBACK|COMMIT/.test(name));
    expect(late.map(({ service, name }) => `${service} ${name}`)).toEqual([]);
  });

  it('stops a read whose client goes away, and says so in one line', async () => {
    const lock = shop
      .query('orders', 'begin; lock table orders in access exclusive mode; select pg_sleep(8)')
      .catch(() => undefined);
    await sleep(200);
    const client = new AbortController();
    const reading = fetch(`${shop.services.orders.url}/orders/${crypto.randomUUID()}`, { signal: client.signal });
    const waiting = `select query from pg_stat_activity where datname = 'orders' and wait_event_type = 'Lock' and query like 'select%id%'`;
    await eventually('the read waits', async () => (await shop.query('orders', waiting)).length > 0);
    client.abort();
    await expect(reading).rejects.toThrow('aborted');
    await eventually('the read is gone', async () => (await shop.query('orders', waiting)).length === 0, {
      timeoutMs: 3_000,
    });
    const gone = await eventually('the line is there', () =>
      shop.services.orders.logs.find((line) => line.msg === 'client went away' && line['http.route'] === '/orders/:id'),
    );
    await shop.query('orders', terminateLock);
    await lock;
    const lines = shop.services.orders.logs.filter(({ trace_id }) => trace_id === gone.trace_id);
    expect(lines.map(({ level, msg }) => `${level} ${msg}`)).toEqual(['info client went away']);
    expect(shop.services.orders.logs.filter(({ context }) => context === 'OpenTelemetry')).toEqual([]);
  });

  it('charges nothing twice: the worker settles the order afterwards', async () => {
    await eventually(
      'the order is paid',
      async () => (await shop.query('orders', `select from orders where status = 'paid'`)).length === 1,
      {
        timeoutMs: 30_000,
      },
    );
    expect(await shop.query('payments', 'select status from payments')).toEqual([{ status: 'authorised' }]);
  });
});
