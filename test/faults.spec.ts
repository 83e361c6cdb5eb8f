import { execFile } from 'node:child_process';
import { eventually, freePort, ServiceProcess } from '@app/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { clearFaults, injectFault } from './fault.js';
import { type AppName, Shop } from './shop.js';

const basket = { items: [{ sku: 'compass', quantity: 1 }] };

describe('faults that somebody injects', () => {
  let shop: Shop;

  beforeAll(async () => {
    shop = await Shop.start({
      FAULTS_ENABLED: 'true',
      REQUEST_DEADLINE_MS: '4000',
      PAYMENTS_ATTEMPT_TIMEOUT_MS: '500',
      PAYMENTS_TOTAL_TIMEOUT_MS: '1500',
      PAYMENTS_CIRCUIT_BREAKER_OPEN_MS: '500',
      PAYMENTS_RETRY: 'false',
    });
  });
  afterEach(async () => {
    for (const service of Object.values(shop.services)) await clearFaults(service);
    await eventually('the shop sells', async () => (await shop.checkout(basket)).status === 201, { timeoutMs: 30_000 });
  });
  afterAll(() => shop?.stop());

  const admin = (app: AppName, path: string) => fetch(`${shop.services[app].admin}${path}`);
  const send = (body: object, headers = {}) =>
    fetch(`${shop.services.orders.admin}/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const inject = (app: AppName, fault: object) => injectFault(shop.services[app], fault);
  async function timed(work: () => Promise<unknown>): Promise<number> {
    const startedAt = performance.now();
    await work();
    return performance.now() - startedAt;
  }
  const browse = () => fetch(`${shop.services.orders.url}/products`);

  it('are late: answers wait', async () => {
    await inject('orders', { kind: 'latency', latencyMs: 700, route: 'GET /products' });
    expect(await timed(browse)).toBeGreaterThan(690);
    expect((await browse()).status).toBe(200);
  });

  it('are errors, of a share of the requests', async () => {
    await inject('orders', { kind: 'status', status: 503, share: 0.5, route: 'GET /products' });
    const answers = await Promise.all(Array.from({ length: 100 }, browse));
    const failed = answers.filter(({ status }) => status === 503);
    expect(failed.length).toBeGreaterThan(20);
    expect(failed.length).toBeLessThan(80);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(100 - failed.length);
    expect(await failed[0]?.json()).toMatchObject({ code: 'fault_injected' });
  });

  it('are resets: the connection breaks', async () => {
    await inject('orders', { kind: 'reset', route: 'GET /products' });
    await expect(browse()).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
  });

  it('are hangs, which the deadline ends', async () => {
    await inject('orders', { kind: 'hang', route: 'GET /products' });
    const response = await browse();
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ code: 'deadline_exceeded' });
  });

  it.each([
    ['status', { status: 500 }],
    ['reset', {}],
    ['hang', {}],
  ])('of calls to a downstream open its breaker: %s', async (kind, more) => {
    await inject('orders', { kind, client: 'payments', ...more });
    await eventually('the breaker is open', async () => {
      expect((await shop.checkout(basket)).status).toBe(202);
      const { payments } = (await (await admin('orders', '/resilience')).json()) as Record<
        string,
        { circuitBreaker: { state: string } }
      >;
      return payments?.circuitBreaker.state === 'open';
    });
  });

  it('end by themselves', async () => {
    await inject('orders', { kind: 'status', status: 500, forMs: 400 });
    expect((await browse()).status).toBe(500);
    await eventually('it is over', async () => (await browse()).status === 200);
    expect(await (await admin('orders', '/faults')).json()).toEqual([]);
  });

  it('stop the event loop: afterwards everything is as before, and nothing is lost', async () => {
    const [before] = await shop.query<{ count: number }>('orders', 'select count(*)::int from orders');
    await inject('orders', { kind: 'block', blockMs: 3_000 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => shop.checkout(basket)));
    // 202 where payments was not fast enough on a busy machine: the worker settles those.
    for (const { status } of answers) expect([201, 202]).toContain(status);
    const [after] = await shop.query<{ count: number }>('orders', 'select count(*)::int from orders');
    expect(after!.count - before!.count).toBe(20);
    await eventually(
      'all are settled',
      async () => {
        const [pending] = await shop.query<{ count: number }>(
          'orders',
          `select count(*)::int from orders where status = 'pending'`,
        );
        return pending!.count === 0;
      },
      { timeoutMs: 30_000 },
    );
    expect((await admin('orders', '/livez')).status).toBe(200);
  });

  it('are told of: at start, in /healthz, in metrics and in the log', async () => {
    await inject('payments', { kind: 'status', status: 500, route: 'POST /payments' });
    await shop.checkout(basket);
    const { logs } = shop.services.payments;
    expect(logs.find(({ msg }) => msg.startsWith('FAULTS_ENABLED'))?.level).toBe('warn');
    expect(logs.find(({ msg }) => msg === 'fault injected')).toMatchObject({
      level: 'warn',
      fault: { kind: 'status' },
    });
    expect(await (await admin('payments', '/healthz')).json()).toMatchObject({
      faults: [{ fault: { kind: 'status', status: 500 } }],
    });
    expect(await (await admin('payments', '/metrics')).text()).toMatch(
      /faults_injected_total\{kind="status",target="inbound"\} [1-9]/,
    );
  });

  it.each([
    [{}, 'kind'],
    [{ kind: 'latency' }, 'latencyMs'],
    [{ kind: 'status', status: 200 }, 'status'],
    [{ kind: 'reset', share: 0 }, 'share'],
    [{ kind: 'hang', forMs: 1e9 }, 'forMs'],
    [{ kind: 'reset', route: 'GET /nowhere' }, 'route'],
    [{ kind: 'reset', client: 'nobody' }, 'client'],
    [{ kind: 'freeze', worker: 'nobody' }, 'worker'],
    [{ kind: 'block', blockMs: 1e9 }, 'blockMs'],
    [{ kind: 'reset', delay: 1 }, 'delay'],
  ])('are refused when they are not possible: %j', async (fault, path) => {
    const response = await send(fault);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'validation_failed', errors: [{ path }] });
  });

  it('are not for web pages, nor for services where they are not enabled', async () => {
    expect((await send({ kind: 'hang' }, { origin: 'http://evil.example' })).status).toBe(403);
    const plain = await shop.startAnother('storefront', { FAULTS_ENABLED: 'false' });
    expect((await fetch(`${plain.admin}/faults`)).status).toBe(404);
    const production = shop.startAnother('storefront', { NODE_ENV: 'production' });
    await expect(production).rejects.toThrow('FAULTS_ENABLED needs ADMIN_TOKEN where NODE_ENV is production');
  });
});

describe('pnpm fault', () => {
  let offset: number;
  let storefront: ServiceProcess;

  beforeAll(async () => {
    const port = await freePort();
    offset = port - 9_000;
    const env = { ORDERS_URL: 'http://127.0.0.1:9', ADMIN_PORT: String(port), FAULTS_ENABLED: 'true' };
    storefront = await ServiceProcess.startUnready({ folder: 'apps/storefront', env });
  });
  afterAll(() => storefront?.kill());

  const fault = (...args: string[]) =>
    new Promise<{ code: number; output: string }>((resolve) => {
      const env = { ...process.env, PORT_OFFSET: String(offset) };
      execFile(process.execPath, ['tools/dev/fault.js', ...args], { env }, (error, stdout, stderr) => {
        resolve({ code: Number(error?.code ?? 0), output: stdout + stderr });
      });
    });

  it('injects, shows and clears', async () => {
    expect(await fault('storefront', '--latency', '2s', '--share', '0.3', '--for', '60s')).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^storefront: latency, latencyMs 2000, share 0.3, until \S+\n$/),
    });
    expect((await fault('storefront')).output).toMatch(/^storefront: latency/);
    expect((await fault('storefront', '--status', '99')).output).toMatch(/storefront refuses: .*\n {2}status: /);
    expect((await fault('storefront', '--clear')).output).toBe('storefront: nothing\n');
  });

  it.each([
    [['nobody', '--hang'], 'There is no service nobody; there is '],
    [['payments', '--hang'], 'payments does not answer at http://127.0.0.1:'],
    [['payments', '--latency', '2'], '2 is no duration: write 500ms, 2s or 1m.'],
    [['payments', '--status', 'x'], 'x is no number.'],
    [['payments', '--hang', '--reset'], 'pnpm fault <service>'],
    [['--hang'], 'Which service?'],
    [['payments', '--wait'], "Unknown option '--wait'"],
  ])('says what is wrong with %j', async (args, message) => {
    const { code, output } = await fault(...args);
    expect(code).toBe(1);
    expect(output).toContain(message);
    expect(output).not.toContain('    at ');
  });
});
