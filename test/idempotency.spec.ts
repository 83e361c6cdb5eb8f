import { eventually, ServiceProcess } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { folderOf, Shop } from './shop.js';

describe('payments with a key, on two instances', () => {
  let shop: Shop;
  let impatient: ServiceProcess;

  beforeAll(async () => {
    shop = await Shop.start();
    impatient = await ServiceProcess.start({
      folder: folderOf('payments'),
      env: { DATABASE_URL: shop.databases.payments, IDEMPOTENCY_WAIT_MS: '300' },
    });
  });

  afterAll(async () => {
    await impatient?.kill();
    await shop?.stop();
  });

  const payment = (orderId: string) => ({ orderId, amount: 3_490, currency: 'EUR', method: 'card' });

  async function pay(to: ServiceProcess, body: { orderId: string }, headers: Record<string, string> = {}) {
    const response = await fetch(`${to.url}/payments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': body.orderId, ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(15_000),
    });
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      body: (await response.json()) as { id?: string; code?: string },
    };
  }

  const charges = async (orderId: string) =>
    (await shop.query('payments', `select from payments where order_id = '${orderId}'`)).length;
  const running = (what: string) =>
    eventually(
      `it is at ${what}`,
      async () =>
        (await shop.query('payments', `select from pg_stat_activity where state = 'active' and query like '${what}'`))
          .length > 0,
    );

  it('charges once, and gives 20 twins the same answer', async () => {
    const body = payment(crypto.randomUUID());
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => pay(index % 2 ? impatient : shop.services.payments, body)),
    );
    expect(answers).toEqual(answers.map(() => ({ status: 201, retryAfter: null, body: answers[0]?.body })));
    expect(await charges(body.orderId)).toBe(1);
  });

  it('charges once when the process is killed between the charge and its answer', async () => {
    const body = payment(crypto.randomUUID());
    await shop.query(
      'payments',
      `create function linger() returns trigger language plpgsql as 'begin perform pg_sleep(60); return new; end';
       create trigger linger before update on idempotency_keys for each row execute function linger()`,
    );
    const lost = pay(shop.services.payments, body).catch(() => 'lost');
    await running('update "idempotency_keys"%');
    await shop.services.payments.kill();
    expect(await lost).toBe('lost');
    await shop.query('payments', 'drop function linger cascade');
    await shop.startService('payments');

    const answer = await pay(shop.services.payments, body);
    expect(answer.status).toBe(201);
    expect(await pay(impatient, body)).toEqual(answer);
    expect(await charges(body.orderId)).toBe(1);
  });

  it('answers 503 with Retry-After to a twin that waits in vain, and the first answer when it comes again', async () => {
    const body = payment(crypto.randomUUID());
    const lock = shop
      .query('payments', 'begin; lock table payments in exclusive mode; select pg_sleep(60)')
      .catch(() => undefined);
    await running('begin; lock%');
    const first = pay(shop.services.payments, body);
    await running('insert into "payments"%');

    const busy = { status: 503, retryAfter: '1', body: expect.objectContaining({ code: 'idempotency_key_busy' }) };
    expect(await pay(impatient, body)).toEqual(busy);
    // Its deadline is shorter than what it would wait.
    expect(await pay(shop.services.payments, body, { 'x-envoy-expected-rq-timeout-ms': '1000' })).toEqual(busy);

    await shop.query(
      'payments',
      `select pg_terminate_backend(pid) from pg_stat_activity where query like 'begin; lock%' and pid <> pg_backend_pid()`,
    );
    await lock;
    expect((await first).status).toBe(201);
    expect(await pay(impatient, body)).toEqual(await first);
    expect(await charges(body.orderId)).toBe(1);
    const metrics = await (await fetch(`${impatient.admin}/metrics`)).text();
    expect(metrics).toContain('idempotent_requests_total{route="POST /payments",outcome="busy"} 1');
    expect(impatient.logs.filter(({ code }) => code === 'idempotency_key_busy')).toEqual([
      expect.objectContaining({ msg: 'request failed', trace_id: expect.any(String) }),
    ]);
  });

  it('refuses the key to another payment, and lets another caller have it', async () => {
    const body = payment(crypto.randomUUID());
    const first = await pay(impatient, body);
    expect(await pay(impatient, { ...body, amount: 1 } as typeof body)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_key_reused' },
    });
    const other = await pay(impatient, body, { authorization: 'Bearer another' });
    expect(other.status).toBe(201);
    expect(other.body).not.toEqual(first.body);
    expect(await charges(body.orderId)).toBe(2);
  });
});
