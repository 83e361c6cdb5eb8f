import { setTimeout as sleep } from 'node:timers/promises';
import { discoveryEnv, discoveryOptions, Registration } from '@app/discovery';
import { setLogLevel } from '@app/telemetry';
import { ConsulAgent, eventually, freePort, NacosServer, type NacosServerOptions } from '@app/testing';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { hasConsul, startConsul } from './consul.process.js';
import { FoundService } from './found.service.js';
import { stopAfterEach } from './started.js';

const renewMs = 200;

describe('registries', () => {
  const started = stopAfterEach();
  const find = (baseUrl: string, env: Record<string, string>) => started(new FoundService(baseUrl, env));

  beforeAll(() => setLogLevel('silent'));

  /** Lists an instance as a service does that starts, is ready or not or hangs, and stops. */
  function list(as: string, host: string, env: Record<string, string>) {
    const quick = { DISCOVERY_REGISTER_MS: String(renewMs), DISCOVERY_TIMEOUT_MS: '200' };
    const options = { DISCOVERY_REGISTER: as, ...quick, ...env };
    const registration = new Registration(discoveryOptions(discoveryEnv.parse(options)));
    const part = {
      registration,
      ready: Promise.resolve(true),
      stop: () => registration.leave(AbortSignal.timeout(1_000)),
    };
    registration.start({ host, port: 3002, isReady: () => part.ready });
    return started(part);
  }

  /** What holds for whatever instances are listed with. */
  function itListsInstances(as: string, start: () => Promise<Record<string, string>>) {
    it('list an instance for as long as it is ready, and until it stops', async () => {
      const env = await start();
      const one = list(as, '10.0.0.1', env);
      const two = list(as, '10.0.0.2', { ...env, DISCOVERY_ZONE: 'a' });
      const service = find(as, { ...env, DISCOVERY_REFRESH_MS: '100' });
      await service.become('10.0.0.1:3002', '10.0.0.2:3002');
      expect(service.view.endpoints.map(({ zone }) => zone).sort()).toEqual(['a', undefined]);
      // Longer than either would be listed without being heard of.
      await sleep(4 * renewMs);
      expect(service.addresses).toEqual(['10.0.0.1:3002', '10.0.0.2:3002']);
      two.ready = Promise.resolve(false);
      await service.become('10.0.0.1:3002');
      two.ready = Promise.resolve(true);
      await service.become('10.0.0.1:3002', '10.0.0.2:3002');
      await one.stop();
      await service.become('10.0.0.2:3002');
    });

    it('list an instance no longer when it is silent', async () => {
      const env = await start();
      const one = list(as, '10.0.0.1', env);
      list(as, '10.0.0.2', env);
      const service = find(as, { ...env, DISCOVERY_REFRESH_MS: '100' });
      await service.become('10.0.0.1:3002', '10.0.0.2:3002');
      one.ready = new Promise(() => undefined);
      await service.become('10.0.0.2:3002');
    });
  }

  describe.each([
    ['the API of Consul', async () => started(await ConsulAgent.start())] as const,
    ...(hasConsul() ? [['Consul itself', async () => started(await startConsul())] as const] : []),
  ])('%s', (_, start) => {
    const startEnv = async () => ({ DISCOVERY_CONSUL_URL: (await start()).url });
    itListsInstances('consul:http://payments', startEnv);

    it('has the instances that pass, by their weights, tags and zones', async () => {
      const { url } = await start();
      const env = { DISCOVERY_CONSUL_URL: url };
      const put = (path: string, body = {}) => fetch(url + path, { method: 'PUT', body: JSON.stringify(body) });
      const register = (id: string, more: object) => {
        const check = { TTL: '60s', Status: 'passing' };
        return put('/v1/agent/service/register', { ID: id, Name: 'payments', Port: 3002, Check: check, ...more });
      };
      await register('a', { Address: '10.0.0.1', Tags: ['blue', 'v2'], Meta: { zone: 'a' } });
      await register('b', { Address: '10.0.0.2', Tags: ['green', 'v2'], Weights: { Passing: 5, Warning: 1 } });
      await register('c', { Address: '10.0.0.3', Check: { TTL: '60s', Status: 'critical' } });
      const service = find('consul:http://payments', env);
      await service.become('10.0.0.1:3002', '10.0.0.2:3002');
      const about = service.view.endpoints.map(({ address, zone, weight }) => [address, zone, weight]);
      expect(about.toSorted()).toEqual([
        ['10.0.0.1:3002', 'a', 1],
        ['10.0.0.2:3002', undefined, 5],
      ]);
      await find('consul:http://payments?tag=v2&tag=blue', env).become('10.0.0.1:3002');
      await put('/v1/agent/check/fail/service:a');
      await put('/v1/agent/check/pass/service:c');
      await service.become('10.0.0.2:3002', '10.0.0.3:3002');
    });

    it('is asked for a datacentre', async () => {
      const env = await startEnv();
      list('consul:http://payments', '10.0.0.1', env);
      await find('consul:http://payments?dc=dc1', env).become('10.0.0.1:3002');
      await find('consul:http://payments?dc=elsewhere', env).fail('failed');
    });
  });

  describe('Consul', () => {
    const as = 'consul:http://payments';
    const env = ({ url }: { url: string }, token?: string) => ({
      DISCOVERY_CONSUL_URL: url,
      ...(token !== undefined && { DISCOVERY_CONSUL_TOKEN: token }),
    });

    it.each([
      ['fails', (agent: ConsulAgent) => Object.assign(agent, { mood: 'failing' }), 'failed'],
      ['hangs', (agent: ConsulAgent) => Object.assign(agent, { mood: 'hanging' }), 'timeout'],
      ['cuts all connections', (agent: ConsulAgent) => Object.assign(agent, { mood: 'cutting' }), 'unreachable'],
      ['takes our token no longer', (agent: ConsulAgent) => Object.assign(agent, { token: 'new' }), 'refused'],
    ])('that %s empties no list', async (_, fail, reason) => {
      const agent = started(await ConsulAgent.start({ token: 'token' }));
      const one = list(as, '10.0.0.1', env(agent, 'token'));
      const service = find(as, env(agent, 'token'));
      await service.become('10.0.0.1:3002');
      fail(agent);
      agent.cut();
      await service.fail(reason);
      await eventually('its own listing fails as well', () => one.registration.failing === reason);
      expect(service.addresses).toEqual(['10.0.0.1:3002']);
      Object.assign(agent, { mood: 'well', token: 'token' });
      await service.fail(false);
      await eventually('its listing is well', () => one.registration.failing === undefined);
      await service.become('10.0.0.1:3002');
    });

    it('that knows no instance empties no list', async () => {
      const agent = started(await ConsulAgent.start());
      const one = list(as, '10.0.0.1', env(agent));
      const service = find(as, env(agent));
      await service.become('10.0.0.1:3002');
      await one.stop();
      await service.fail('empty');
      expect(service.addresses).toEqual(['10.0.0.1:3002']);
    });

    it('that has been away, and knows nothing of before, is told anew who is there', async () => {
      const port = await freePort();
      const agent = started(await ConsulAgent.start({ port }));
      list(as, '10.0.0.1', env(agent));
      const service = find(as, env(agent));
      await service.become('10.0.0.1:3002');
      agent.cut();
      await agent.stop();
      await service.fail('unreachable');
      const another = started(await ConsulAgent.start({ port }));
      list(as, '10.0.0.2', env(another));
      await service.become('10.0.0.1:3002', '10.0.0.2:3002');
      await service.fail(false);
    });

    it('whose index goes backwards is asked from the beginning', async () => {
      const agent = started(await ConsulAgent.start());
      list(as, '10.0.0.1', env(agent));
      const service = find(as, { ...env(agent), DISCOVERY_WATCH_MS: '60000' });
      await service.become('10.0.0.1:3002');
      await eventually('it waits', () => agent.watchers === 1);
      agent.rewind();
      await sleep(100);
      list(as, '10.0.0.2', env(agent));
      await service.become('10.0.0.1:3002', '10.0.0.2:3002');
      expect(service.view.failing).toBe(false);
    });

    it('that tells no index is not asked all the time', async () => {
      const agent = started(await ConsulAgent.start());
      agent.tellsIndex = false;
      list(as, '10.0.0.1', env(agent));
      const service = find(as, env(agent));
      await service.become('10.0.0.1:3002');
      const before = agent.queries;
      await sleep(1_500);
      expect(agent.queries - before).toBeLessThanOrEqual(4);
      list(as, '10.0.0.2', env(agent));
      await service.become('10.0.0.1:3002', '10.0.0.2:3002');
    });

    it('is asked by one question that waits, and by none when the client has ended', async () => {
      const agent = started(await ConsulAgent.start());
      list(as, '10.0.0.1', env(agent));
      const service = find(as, { ...env(agent), DISCOVERY_WATCH_MS: '60000' });
      await service.become('10.0.0.1:3002');
      await eventually('it waits', () => agent.watchers === 1);
      const before = agent.queries;
      await sleep(1_000);
      expect(agent.queries).toBe(before);
      await service.stop();
      await eventually('it waits no more', () => agent.watchers === 0);
    });
  });

  const user = { username: 'shop', password: 'secret' };
  const users: [string, NacosServerOptions, string][] = [
    ['Nacos 3', { version: 3, user }, 'nacos:http://payments'],
    ['Nacos 2', { version: 2 }, 'nacos:http://payments?group=shop&namespace=test'],
  ];
  describe.each(users)('%s', (_, options, as) => {
    const start = async (port?: number) =>
      started(await NacosServer.start({ ...options, ...(port !== undefined && { port }) }));
    const env = ({ url }: NacosServer) => ({
      DISCOVERY_NACOS_URL: url,
      DISCOVERY_REFRESH_MS: '100',
      ...(options.user && {
        DISCOVERY_NACOS_USERNAME: user.username,
        DISCOVERY_NACOS_PASSWORD: user.password,
      }),
    });
    itListsInstances(as, async () => env(await start()));

    it('keeps apart what is in another namespace, group or cluster', async () => {
      const nacos = await start();
      list(as, '10.0.0.1', env(nacos));
      list('nacos:http://payments?group=other', '10.0.0.2', env(nacos));
      list('nacos:http://payments?namespace=other', '10.0.0.3', env(nacos));
      list('nacos:http://payments?group=other&cluster=a', '10.0.0.4', env(nacos));
      await find(as, env(nacos)).become('10.0.0.1:3002');
      await find('nacos:http://payments?group=other', env(nacos)).become('10.0.0.2:3002', '10.0.0.4:3002');
      await find('nacos:http://payments?group=other&cluster=a', env(nacos)).become('10.0.0.4:3002');
      await find('nacos:http://payments?namespace=other', env(nacos)).become('10.0.0.3:3002');
    });

    it('has instances that nobody shall call, and empties no list when there are no others', async () => {
      const nacos = await start();
      list(as, '10.0.0.1', env(nacos));
      const service = find(as, env(nacos));
      await service.become('10.0.0.1:3002');
      nacos.disable(3002);
      await service.fail('empty');
      expect(service.addresses).toEqual(['10.0.0.1:3002']);
    });

    it.each([
      ['fails', 'failing', 'failed'],
      ['hangs', 'hanging', 'timeout'],
      ['cuts all connections', 'cutting', 'unreachable'],
    ] as const)('that %s empties no list', async (_how, mood, reason) => {
      const nacos = await start();
      const one = list(as, '10.0.0.1', env(nacos));
      const service = find(as, env(nacos));
      await service.become('10.0.0.1:3002');
      nacos.mood = mood;
      await service.fail(reason);
      await eventually('its own listing fails as well', () => one.registration.failing === reason);
      expect(service.addresses).toEqual(['10.0.0.1:3002']);
      nacos.mood = 'well';
      await service.fail(false);
      await eventually('its listing is well', () => one.registration.failing === undefined);
    });

    it('that has been away, and knows nothing of before, is told anew who is there', async () => {
      const port = await freePort();
      const nacos = await start(port);
      list(as, '10.0.0.1', env(nacos));
      const service = find(as, env(nacos));
      await service.become('10.0.0.1:3002');
      await nacos.stop();
      await service.fail('unreachable');
      list(as, '10.0.0.2', env(await start(port)));
      await service.become('10.0.0.1:3002', '10.0.0.2:3002');
      await service.fail(false);
    });

    it('is asked no more when the client has ended', async () => {
      const nacos = await start();
      const service = find(as, env(nacos));
      await eventually('it is asked', () => nacos.queries > 1);
      await service.stop();
      const before = nacos.queries;
      await sleep(500);
      expect(nacos.queries).toBe(before);
    });
  });

  it('follow Nacos when it is upgraded', async () => {
    const port = await freePort();
    const old = started(await NacosServer.start({ version: 2, port }));
    const env = { DISCOVERY_NACOS_URL: old.url, DISCOVERY_REFRESH_MS: '100' };
    list('nacos:http://payments', '10.0.0.1', env);
    const service = find('nacos:http://payments', env);
    await service.become('10.0.0.1:3002');
    await old.stop();
    await service.fail('unreachable');
    started(await NacosServer.start({ version: 3, port }));
    list('nacos:http://payments', '10.0.0.2', env);
    await service.become('10.0.0.1:3002', '10.0.0.2:3002');
  });

  describe('a user of Nacos', () => {
    it.each([2, 3] as const)('gets a new token from Nacos %s when the old one is taken no longer', async (version) => {
      const nacos = started(await NacosServer.start({ version, user }));
      const env = {
        DISCOVERY_NACOS_URL: nacos.url,
        DISCOVERY_REFRESH_MS: '100',
        DISCOVERY_NACOS_USERNAME: user.username,
        DISCOVERY_NACOS_PASSWORD: user.password,
      };
      list('nacos:http://payments', '10.0.0.1', env);
      const service = find('nacos:http://payments', env);
      await service.become('10.0.0.1:3002');
      nacos.expireTokens();
      list('nacos:http://payments', '10.0.0.2', env);
      await service.become('10.0.0.1:3002', '10.0.0.2:3002');
      expect(service.view.failing).toBe(false);
      const wrong = { ...env, DISCOVERY_NACOS_PASSWORD: 'wrong' };
      await find('nacos:http://payments', wrong).fail('refused');
    });
  });
});
