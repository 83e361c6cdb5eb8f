import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { discoveryEnv, discoveryOptions, Registration, ServiceDiscovery } from '@app/discovery';
import { HttpClient } from '@app/resilience';
import { setLogLevel } from '@app/telemetry';
import { ConsulAgent, DnsServer, freePort, KubernetesApi, NacosServer } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hasConsul, startConsul } from './consul.process.js';
import { InstanceServer } from './instance.server.js';
import { stopAfterEach } from './started.js';

/** `pnpm drill discovery` gives it longer. */
const seconds = Number(process.env.DRILL_SECONDS ?? 4);
const perSecond = 200;

describe('a service of many instances', () => {
  const started = stopAfterEach();
  let credentials: string;

  beforeAll(async () => {
    setLogLevel('silent');
    credentials = await mkdtemp(join(tmpdir(), 'credentials-'));
    await writeFile(join(credentials, 'token'), 'token');
    await writeFile(join(credentials, 'namespace'), 'shop');
  });
  afterAll(() => rm(credentials, { recursive: true }));

  const startOne = async (where = {}) => started(await InstanceServer.start(where));
  const startDns = async () => started(await DnsServer.start());
  const startKubernetes = async () => started(await KubernetesApi.start());
  const startFive = () => Promise.all(Array.from({ length: 5 }, () => startOne()));
  const listOf = (all: InstanceServer[]) => `http://${all.map(({ host }) => host).join()}`;
  const kubernetesEnv = ({ url }: KubernetesApi) => ({
    DISCOVERY_KUBERNETES_URL: url,
    DISCOVERY_KUBERNETES_CREDENTIALS: credentials,
  });

  function clientOf(baseUrl: string, env: Record<string, string> = {}, minimumThroughput = 10): HttpClient {
    const discovery = new ServiceDiscovery(discoveryOptions(discoveryEnv.parse(env)));
    const client = new HttpClient(
      'payments',
      { baseUrl, circuitBreaker: { minimumThroughput } },
      undefined,
      false,
      discovery,
    );
    started({ stop: () => client.close() });
    return client;
  }

  /** Calls at a constant rate, for so long, whether earlier ones are answered or not. */
  async function load(until: number | (() => boolean), clients: HttpClient[], rate = perSecond) {
    const outcomes = new Map<string, number>();
    const underway = new Set<Promise<void>>();
    const startedAt = performance.now();
    const goesOn = typeof until === 'number' ? () => performance.now() - startedAt < until : until;
    for (let sent = 0; goesOn(); await sleep(5)) {
      for (; sent < ((performance.now() - startedAt) / 1_000) * rate; sent += 1) {
        for (const client of clients) {
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

  async function loadDuring(client: HttpClient, work: () => Promise<void>) {
    let worked = false;
    const working = work().finally(() => {
      worked = true;
    });
    // Several of these run at once.
    const [outcomes] = await Promise.all([load(() => !worked, [client], perSecond / 4), working]);
    return outcomes;
  }

  const share = (instance: InstanceServer | undefined, all: InstanceServer[], from: number, to?: number) =>
    (instance?.calls(from, to) ?? 0) / all.reduce((sum, each) => sum + each.calls(from, to), 0);

  it('sends hardly anything to the one that is slow, and comes back to it when it is well', async () => {
    const five = await startFive();
    const twins = await startFive();
    const [slow, slowTwin] = [five[2]!, twins[2]!];
    slow.delayMs = slowTwin.delayMs = 502;
    const ours = clientOf(listOf(five));
    const plain = clientOf(listOf(twins), { DISCOVERY_BALANCER: 'round-robin' });

    const before = await load(1_000, [ours, plain]);
    const from = performance.now();
    const during = await load(seconds * 1_000, [ours, plain]);
    const slowShare = share(slow, five, from);
    const plainShare = share(slowTwin, twins, from);
    slow.delayMs = slowTwin.delayMs = 2;
    const wellAt = performance.now();
    let backAfter = Infinity;
    while (performance.now() - wellAt < 30_000 && backAfter === Infinity) {
      const windowAt = performance.now();
      await load(1_000, [ours]);
      if (share(slow, five, windowAt) > 0.15) backAfter = performance.now() - wellAt;
    }
    process.stdout.write(
      `one of five 500 ms slower: ${(slowShare * 100).toFixed(2)} % of the calls (round robin ${(plainShare * 100).toFixed(1)} %), back over 15 % after ${(backAfter / 1_000).toFixed(1)} s\n`,
    );
    expect({ ...before, ...during }).toEqual({ ok: expect.any(Number) });
    expect(slowShare).toBeLessThan(plainShare / 10);
    expect(backAfter).toBeLessThan(30_000);
  }, 60_000);

  it('loses no call to one that fails them all, and leaves it alone before a second has passed', async () => {
    const five = await startFive();
    five[1]!.status = 503;
    const client = clientOf(listOf(five));
    expect(await load(1_000, [client])).toEqual({ ok: expect.any(Number) });
    const from = performance.now();
    expect(await load(1_000, [client])).toEqual({ ok: expect.any(Number) });
    expect(five[1]!.calls(from)).toBe(0);
    expect(client.balancer?.view()).toMatchObject({ known: 5, ejected: 1, in_use: 4 });
  });

  it('is at fault as a whole when all fail: half of them are called still, and then the breaker opens', async () => {
    const five = await startFive();
    for (const instance of five) instance.status = 503;
    const client = clientOf(listOf(five), {}, 50);
    const outcomes = await load(1_000, [client]);
    expect(outcomes).toMatchObject({ circuit_open: expect.any(Number) });
    expect(outcomes.ok).toBeUndefined();
    expect(client.breaker?.state.kind).toBe('open');
    expect(client.balancer?.view()).toMatchObject({ known: 5, ejected: 2, in_use: 3 });
  });

  it('is asked for by its own name, wherever an instance is', async () => {
    const dns = await startDns();
    const [instance] = await startFive();
    dns.records = [{ type: 'A', name: 'payments.example', ttl: 1, data: '127.0.0.1' }];
    const client = clientOf(`dns:http://payments.example:${instance!.port}`, { DISCOVERY_DNS_SERVERS: dns.address });
    await client.get('/');
    expect(instance!.hosts).toEqual([`payments.example:${instance!.port}`]);
  });

  describe('whose instances are all replaced, one after the other', () => {
    /** What tells a client of the instances, and is told of them here. */
    interface Registry {
      client: HttpClient;
      start(turn: number): Promise<InstanceServer>;
      announce(all: InstanceServer[], going?: InstanceServer): unknown;
    }
    const count = 3;
    /** So that each new one is called within the second that follows. */
    const clientAtOnce = (baseUrl: string, env: Record<string, string> = {}) =>
      clientOf(baseUrl, { DISCOVERY_WARM_UP_MS: '1', ...env });

    async function replaceAll({ client, start, announce }: Registry) {
      const all: InstanceServer[] = [];
      let turn = 0;
      while (turn < count) all.push(await start(turn++));
      await announce(all);
      const lateCalls: number[] = [];
      const outcomes = await loadDuring(client, async () => {
        await sleep(500);
        for (const going of all.slice()) {
          all.push(await start(turn++));
          await announce(all, going);
          await sleep(1_000);
          const from = performance.now();
          await sleep(200);
          lateCalls.push(going.calls(from));
          all.splice(all.indexOf(going), 1);
          await announce(all);
          await going.stop();
        }
      });
      return { outcomes, lateCalls, last: all.map(({ calledAt }) => calledAt.length > 0) };
    }

    const asIfNothingHappened = {
      outcomes: { ok: expect.any(Number) },
      lateCalls: Array(count).fill(0),
      last: Array(count).fill(true),
    };

    /** In a list each has its place, so a new one takes the place of the old, and the old one itself must say that it is going. */
    async function byList() {
      const places = await Promise.all(Array.from({ length: count }, () => freePort()));
      const all: InstanceServer[] = [];
      for (const port of places) all.push(await startOne({ port }));
      const client = clientAtOnce(listOf(all), { DISCOVERY_EJECTION_MS: '1000' });
      const lateCalls: number[] = [];
      const outcomes = await loadDuring(client, async () => {
        for (const [place, going] of [...all.entries()]) {
          await sleep(500);
          going.headers = { 'x-envoy-immediate-health-check-fail': 'true' };
          await sleep(500);
          const from = performance.now();
          await sleep(200);
          lateCalls.push(going.calls(from));
          await going.stop();
          all[place] = await startOne({ port: places[place] as number });
          await sleep(1_000);
        }
      });
      return { outcomes, lateCalls, last: all.map(({ calledAt }) => calledAt.length > 0) };
    }

    async function byDns() {
      const dns = await startDns();
      const port = await freePort();
      const client = clientAtOnce(`dns:http://payments.example:${port}`, { DISCOVERY_DNS_SERVERS: dns.address });
      return replaceAll({
        client,
        start: (turn) => startOne({ host: `127.0.0.${turn + 10}`, port }),
        announce: (all, going) => {
          dns.records = all
            .filter((instance) => instance !== going)
            .map(({ address }) => ({ type: 'A', name: 'payments.example', ttl: 1, data: address }));
        },
      });
    }

    async function byKubernetes() {
      const api = await startKubernetes();
      const port = await freePort();
      const client = clientAtOnce('k8s:http://payments.shop:http', kubernetesEnv(api));
      return replaceAll({
        client,
        start: (turn) => startOne({ host: `127.0.0.${turn + 10}`, port }),
        announce: (all, going) =>
          api.put({
            name: 'payments-abc',
            ports: [{ name: 'http', port }],
            endpoints: all.map((instance) => ({
              addresses: [instance.address],
              // A pod that is being deleted serves on until it ends.
              conditions: { ready: instance !== going, serving: true, terminating: instance === going },
            })),
          }),
      });
    }

    /** Where instances list themselves. */
    async function byRegistry(
      source: 'consul' | 'nacos',
      startRegistry: () => Promise<{ url: string; stop(): Promise<unknown> }>,
    ) {
      const registry = started(await startRegistry());
      const address = `${source}:http://payments`;
      const url = `DISCOVERY_${source.toUpperCase()}_URL`;
      const env = { [url]: registry.url, DISCOVERY_REGISTER: address, DISCOVERY_REFRESH_MS: '500' };
      const registrations = new Map<InstanceServer, Registration>();
      return replaceAll({
        client: clientAtOnce(address, env),
        async start() {
          const instance = await startOne();
          const registration = new Registration(discoveryOptions(discoveryEnv.parse(env)));
          registration.start({ host: instance.address, port: instance.port, isReady: async () => true });
          registrations.set(instance, registration);
          started({ stop: () => registration.leave(AbortSignal.timeout(1_000)) });
          return instance;
        },
        announce: async (_all, going) => going && registrations.get(going)?.leave(AbortSignal.timeout(1_000)),
      });
    }

    it('loses no call, whoever tells of them', async () => {
      const ways = {
        'a list': byList(),
        DNS: byDns(),
        Kubernetes: byKubernetes(),
        'the API of Consul': byRegistry('consul', () => ConsulAgent.start()),
        ...(hasConsul() && { 'Consul itself': byRegistry('consul', startConsul) }),
        'Nacos 3': byRegistry('nacos', () => NacosServer.start()),
        'Nacos 2': byRegistry('nacos', () => NacosServer.start({ version: 2 })),
      };
      for (const [way, result] of Object.entries(ways)) expect([way, await result]).toEqual([way, asIfNothingHappened]);
    });
  });
});
