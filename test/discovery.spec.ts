import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { discoveryEnv, discoveryOptions, ServiceDiscovery } from '@app/discovery';
import { HttpClient, type HttpClientOptions } from '@app/resilience';
import { setLogLevel } from '@app/telemetry';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';

/** `pnpm drill discovery` gives it longer. */
const seconds = Number(process.env.DRILL_SECONDS ?? 4);
const perSecond = 200;

/** An instance of a service, which may be slow, or fail. */
class InstanceServer {
  readonly calledAt: number[] = [];
  delayMs = 2;
  status = 200;
  headers: Record<string, string> = {};

  private constructor(private readonly server: Server) {}

  static async start(port = 0): Promise<InstanceServer> {
    const server = createServer();
    const instance = new InstanceServer(server);
    server.on('request', async (_, response) => {
      instance.calledAt.push(performance.now());
      const { delayMs, status, headers } = instance;
      await sleep(delayMs);
      response.writeHead(status, headers).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return instance;
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  calls(from: number, to = Infinity): number {
    return this.calledAt.filter((at) => at >= from && at < to).length;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

describe('a service of five instances', () => {
  const instances: InstanceServer[] = [];
  const clients: HttpClient[] = [];

  beforeAll(() => setLogLevel('silent'));

  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    for (const instance of instances.splice(0)) await instance.stop();
  });

  async function startFive(): Promise<InstanceServer[]> {
    const five: InstanceServer[] = [];
    for (let count = 0; count < 5; count += 1) five.push(await InstanceServer.start());
    instances.push(...five);
    return five;
  }

  function clientOf(baseUrl: string, env: Record<string, string> = {}, options: Partial<HttpClientOptions> = {}) {
    const discovery = new ServiceDiscovery(discoveryOptions(discoveryEnv.parse(env)));
    const client = new HttpClient('payments', { baseUrl, ...options }, undefined, false, discovery);
    clients.push(client);
    return client;
  }

  /** Calls at a constant rate, whether earlier ones are answered or not. */
  async function load(forMs: number, ...called: HttpClient[]) {
    const outcomes = new Map<string, number>();
    const underway = new Set<Promise<void>>();
    const startedAt = performance.now();
    for (let sent = 0; performance.now() - startedAt < forMs; await sleep(5)) {
      for (; sent < ((performance.now() - startedAt) / 1_000) * perSecond; sent += 1) {
        for (const client of called) {
          const call = client.get('/').then(
            () => 'ok',
            (error) => String(error.code),
          );
          const counted: Promise<void> = call.then((outcome) => {
            outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
            underway.delete(counted);
          });
          underway.add(counted);
        }
      }
    }
    await Promise.all(underway);
    return Object.fromEntries(outcomes);
  }

  const share = (instance: InstanceServer | undefined, all: InstanceServer[], from: number, to?: number) =>
    (instance?.calls(from, to) ?? 0) / all.reduce((sum, each) => sum + each.calls(from, to), 0);

  it('sends hardly anything to the one that is slow, and comes back to it when it is well', async () => {
    const five = await startFive();
    const twins = await startFive();
    const [slow, slowTwin] = [five[2]!, twins[2]!];
    slow.delayMs = slowTwin.delayMs = 502;
    const ours = clientOf(`http://${five.map(({ host }) => host).join()}`);
    const plain = clientOf(`http://${twins.map(({ host }) => host).join()}`, { DISCOVERY_BALANCER: 'round-robin' });

    const before = await load(1_000, ours, plain);
    const from = performance.now();
    const during = await load(seconds * 1_000, ours, plain);
    const slowShare = share(slow, five, from);
    const plainShare = share(slowTwin, twins, from);
    slow.delayMs = slowTwin.delayMs = 2;
    const wellAt = performance.now();
    let backAfter = Infinity;
    while (performance.now() - wellAt < 30_000 && backAfter === Infinity) {
      const windowAt = performance.now();
      await load(1_000, ours);
      if (share(slow, five, windowAt) > 0.15) backAfter = performance.now() - wellAt;
    }
    process.stdout.write(
      `one of five 500 ms slower: ${(slowShare * 100).toFixed(2)} % of the calls (round robin ${(plainShare * 100).toFixed(1)} %), back over 15 % after ${(backAfter / 1_000).toFixed(1)} s\n`,
    );
    expect({ ...before, ...during }).toEqual({ ok: expect.any(Number) });
    expect(slowShare).toBeLessThan(0.005);
    expect(plainShare).toBeGreaterThan(0.15);
    expect(backAfter).toBeLessThan(30_000);
  }, 60_000);
});
