import { HttpClient } from '@app/resilience';
import { registry, setLogLevel } from '@app/telemetry';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { discoveryEnv, discoveryOptions } from './discovery.env.js';
import { DiscoveryHealth } from './discovery.health.js';
import { ServiceDiscovery } from './service.discovery.js';

const optionsOf = (env: Record<string, string> = {}) => discoveryOptions(discoveryEnv.parse(env));
const clients: HttpClient[] = [];

function clientOf(baseUrl: string, discovery: ServiceDiscovery): HttpClient {
  const client = new HttpClient('payments', { baseUrl }, undefined, false, discovery);
  clients.push(client);
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

describe('the address of a client', () => {
  it.each([
    ['http://a:1,b:2/api'],
    ['https://10.0.0.1,[fd00::1]:8443'],
    ['dns:https://payments.example'],
    ['dns:http://payments.example:3002/api'],
    ['dns+srv:http://_http._tcp.payments.example'],
    ['k8s:http://payments'],
    ['k8s:http://payments.shop'],
    ['k8s:http://payments.shop:http'],
    ['k8s:http://payments:3002'],
    ['consul:http://payments'],
    ['consul:https://payments/api?dc=dc2&tag=blue&tag=v2'],
    ['nacos:http://payments?namespace=shop&group=blue&cluster=a'],
  ])('may be %s', (baseUrl) => {
    const discovery = new ServiceDiscovery(optionsOf({ DISCOVERY_KUBERNETES_URL: 'http://127.0.0.1:1' }));
    clientOf(baseUrl, discovery);
    expect(() => discovery.onModuleInit()).not.toThrow();
  });

  it.each([
    ['http://a:1,', 'an empty one is none'],
    ['http://a:1,b:port', 'b:port is none'],
    ['http://a:1,b:2?zone=a', 'takes no options'],
    ['dns:http://a:1,b:2', 'needs a host'],
    ['dns:http://a?ttl=1', 'takes no options'],
    ['dns+srv:http://payments.example:80', 'needs the name of a record'],
    ['k8s:http://Payments', 'needs a service'],
    ['k8s:http://payments.shop.svc.cluster.local', 'needs a service'],
    ['k8s:http://payments', 'works in a pod only'],
    ['consul:http://payments:3002', 'needs a service'],
    ['consul:http://payments?token=x', 'takes dc and tag; it was given token'],
    ['nacos:http://payments?zone=a', 'takes namespace and group and cluster; it was given zone'],
    [
      'zookeeper:http://payments',
      'zookeeper: is no source; there is dns, dns+srv, consul, nacos, k8s, and lists of hosts',
    ],
  ])('may not be %s', (baseUrl, problem) => {
    const discovery = new ServiceDiscovery(optionsOf());
    clientOf(baseUrl, discovery);
    expect(() => discovery.onModuleInit()).toThrow(problem);
  });

  it.each([
    ['payments', 'an instance is listed by consul or nacos'],
    ['k8s:http://payments', 'an instance is listed by consul or nacos'],
    ['consul:http://payments?dc=dc2', 'leave dc out'],
    ['nacos:http://payments/?zone=a', 'it was given zone'],
  ])('may not be what an instance is listed as: %s', (address, problem) => {
    const discovery = new ServiceDiscovery(optionsOf({ DISCOVERY_REGISTER: address }));
    expect(() => discovery.onModuleInit()).toThrow(problem);
  });

  it('of Nacos needs the password of a user', () => {
    const discovery = new ServiceDiscovery(optionsOf({ DISCOVERY_NACOS_USERNAME: 'shop' }));
    clientOf('nacos:http://payments', discovery);
    expect(() => discovery.onModuleInit()).toThrow('are set together, or neither');
  });

  it('is refused together with all others that are wrong, in one message that says how to mend them', () => {
    const discovery = new ServiceDiscovery(optionsOf());
    clientOf('k8s:http://Payments', discovery);
    clientOf('etcd:http://payments', discovery);
    try {
      discovery.onModuleInit();
      throw new Error('it should not start');
    } catch (error) {
      expect((error as Error).message).toMatch(/k8s: needs a service.*\n.*etcd: is no source/);
      expect((error as { mend: string }).mend).toContain('docs/discovery.md');
    }
  });

  it('that names a service needs somebody to find it', () => {
    expect(() => new HttpClient('payments', { baseUrl: 'dns:http://payments' })).toThrow(
      'payments: dns:http://payments names a service, and there is nobody to find it',
    );
  });
});

describe('what discovery tells', () => {
  beforeAll(() => setLogLevel('silent'));
  beforeEach(() => {
    registry.clear();
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const valuesOf = async (name: string) => {
    const metric = await registry.getSingleMetric(name)?.get();
    return Object.fromEntries(
      (metric?.values ?? []).map(({ labels, value }) => [Object.values(labels).join(' '), value]),
    );
  };

  it('is how many instances there are, which were chosen, which were ejected and how old the list is', async () => {
    const discovery = new ServiceDiscovery(optionsOf({ DISCOVERY_BALANCER: 'round-robin' }));
    const { balancer } = clientOf('http://a:1,b:2', discovery);
    await jest.advanceTimersByTimeAsync(0);
    for (let count = 0; count < 10; count += 1) balancer?.record(balancer.pick() as never, 'success', 1);
    balancer?.going(balancer.pick() as never);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(await valuesOf('discovery_endpoints')).toEqual({
      'payments known': 2,
      'payments ejected': 1,
      'payments in_use': 1,
    });
    const picks = await valuesOf('discovery_picks_total');
    expect(Object.keys(picks).sort()).toEqual(['payments 0', 'payments 1']);
    expect(Object.values(picks).reduce((sum, one) => sum + one, 0)).toBe(11);
    expect(await valuesOf('discovery_picks_total')).toEqual(picks);
    expect(await valuesOf('discovery_ejections_total')).toEqual({ 'payments going': 1 });
    expect(await valuesOf('discovery_age_seconds')).toEqual({ payments: 5 });
    expect(new DiscoveryHealth(discovery).check()).toEqual({ status: 'ok' });
  });

  it.each([
    ['zone', 'payments none'],
    ['address', 'payments a:1'],
  ])('calls instances by their %s where it is told so', async (label, series) => {
    const discovery = new ServiceDiscovery(optionsOf({ DISCOVERY_ENDPOINT_LABEL: label }));
    const { balancer } = clientOf('http://a:1,a:1', discovery);
    await jest.advanceTimersByTimeAsync(0);
    balancer?.pick();
    expect(await valuesOf('discovery_picks_total')).toEqual({ [series]: 1 });
  });

  it('is degraded health, and a count by reason, while a source fails', async () => {
    jest.useRealTimers();
    const env = { DISCOVERY_KUBERNETES_URL: 'http://127.0.0.1:1', DISCOVERY_KUBERNETES_CREDENTIALS: '/nowhere' };
    const discovery = new ServiceDiscovery(optionsOf(env));
    const { balancer } = clientOf('k8s:http://payments', discovery);
    const view = () => balancer?.view() as { failing: unknown } | undefined;
    while (!view()?.failing) await new Promise(setImmediate);
    expect(new DiscoveryHealth(discovery).check()).toEqual({ status: 'degraded', reason: 'refused' });
    expect(await valuesOf('discovery_errors_total')).toMatchObject({ 'payments refused': expect.any(Number) });
  });
});
