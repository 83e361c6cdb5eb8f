import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { setLogLevel } from '@app/telemetry';
import {
  DnsServer,
  eventually,
  freePort,
  isInstalled,
  KubernetesApi,
  type KubernetesApiOptions,
  type KubernetesEndpoint,
} from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FoundService } from './found.service.js';
import { stopAfterEach } from './started.js';

const itWithTls = isInstalled('openssl', 'version') ? it : it.skip;

describe('the instances of a service', () => {
  const started = stopAfterEach();
  const find = (baseUrl: string, env: Record<string, string>) => started(new FoundService(baseUrl, env));
  let credentials: string;

  beforeAll(async () => {
    setLogLevel('silent');
    credentials = await mkdtemp(join(tmpdir(), 'credentials-'));
    await writeFile(join(credentials, 'namespace'), 'shop');
  });
  afterAll(() => rm(credentials, { recursive: true }));

  describe('by DNS', () => {
    const at = (...addresses: string[]) =>
      addresses.map((data) => ({ type: 'A' as const, name: 'payments.example', ttl: 1, data }));

    async function start() {
      const dns = started(await DnsServer.start());
      dns.records = at('10.0.0.1', '10.0.0.2');
      return dns;
    }
    const env = ({ address }: DnsServer) => ({ DISCOVERY_DNS_SERVERS: address });

    it('are its addresses', async () => {
      const dns = await start();
      const service = find('dns:http://payments.example:3002', env(dns));
      await service.become('10.0.0.1:3002', '10.0.0.2:3002');
      dns.records = at('10.0.0.2', '10.0.0.3');
      await service.become('10.0.0.2:3002', '10.0.0.3:3002');
    });

    it('are its addresses of the sixth version where it has no others', async () => {
      const dns = await start();
      dns.records = [{ type: 'AAAA', name: 'payments.example', ttl: 1, data: 'fd00::7' }];
      await find('dns:https://payments.example', env(dns)).become('[fd00::7]');
    });

    it('are the hosts of its service record: the first priority, by their weights', async () => {
      const dns = await start();
      const name = '_http._tcp.payments.example';
      const target = (target: string, port: number, priority: number, weight: number) => ({
        type: 'SRV' as const,
        name,
        data: { target, port, priority, weight },
      });
      dns.records = [
        target('a.example', 3002, 1, 10),
        target('b.example', 3003, 1, 30),
        target('c.example', 3004, 2, 0),
      ];
      const service = find(`dns+srv:http://${name}`, { ...env(dns), DISCOVERY_REFRESH_MS: '500' });
      await service.become('a.example:3002', 'b.example:3003');
      expect(service.view.endpoints.map(({ weight }) => weight)).toEqual([10, 30]);
      dns.records = [target('c.example', 3004, 2, 0)];
      await service.become('c.example:3004');
      expect(service.view.endpoints.map(({ weight }) => weight)).toEqual([1]);
    });

    it.each([
      ['fails', (dns: DnsServer) => Object.assign(dns, { mood: 'failing' }), 'unreachable'],
      ['is silent', (dns: DnsServer) => Object.assign(dns, { mood: 'silent' }), 'timeout'],
      ['forgets the name', (dns: DnsServer) => Object.assign(dns, { records: [] }), 'not_found'],
    ])('stay while DNS %s', async (_, fail, reason) => {
      const dns = await start();
      const service = find('dns:http://payments.example:3002', env(dns));
      await service.become('10.0.0.1:3002', '10.0.0.2:3002');
      fail(dns);
      await service.fail(reason);
      expect(service.addresses).toEqual(['10.0.0.1:3002', '10.0.0.2:3002']);
      dns.mood = 'well';
      dns.records = at('10.0.0.3');
      await service.become('10.0.0.3:3002');
      expect(service.view.failing).toBe(false);
    });
  });

  describe('by Kubernetes', () => {
    const ports = [{ name: 'http', port: 3002 }];
    const at = (...addresses: string[]): KubernetesEndpoint[] => addresses.map((address) => ({ addresses: [address] }));
    const address = 'k8s:http://payments:http';

    async function start(options: KubernetesApiOptions = {}) {
      const api = started(await KubernetesApi.start(options));
      await writeFile(join(credentials, 'token'), api.token);
      return api;
    }
    const env = ({ url }: KubernetesApi) => ({
      DISCOVERY_KUBERNETES_URL: url,
      DISCOVERY_KUBERNETES_CREDENTIALS: credentials,
    });

    it('are those of all its slices that are ready, with their zones', async () => {
      const api = await start();
      api.put({
        name: 'payments-a',
        ports: [...ports, { name: 'admin', port: 9002 }],
        endpoints: [
          { addresses: ['10.0.0.1'], conditions: { ready: true, serving: true }, zone: 'a' },
          { addresses: ['10.0.0.2'], conditions: { ready: false, serving: false } },
          { addresses: ['10.0.0.3'], conditions: {} },
          { addresses: ['10.0.0.4'], conditions: { ready: false, serving: true, terminating: true } },
        ],
      });
      api.put({ name: 'payments-6', addressType: 'IPv6', ports, endpoints: at('fd00::1') });
      const service = find(address, env(api));
      await service.become('10.0.0.1:3002', '10.0.0.3:3002');
      expect(service.view.endpoints.map(({ zone }) => zone)).toEqual(['a', undefined]);
      api.put({ name: 'payments-b', ports: [{ name: 'http', port: 3003 }], endpoints: at('10.0.1.1') });
      await service.become('10.0.0.1:3002', '10.0.0.3:3002', '10.0.1.1:3003');
      api.delete('payments-a');
      await service.become('10.0.1.1:3003');
      expect(api.lists).toBe(1);
    });

    it('are those that still serve while they end, where none is ready', async () => {
      const api = await start();
      const endpoint = (conditions: KubernetesEndpoint['conditions']) => ({
        name: 'payments-a',
        ports,
        endpoints: [{ addresses: ['10.0.0.1'], conditions: conditions as object }],
      });
      api.put(endpoint({ ready: false, serving: true, terminating: true }));
      await find(address, env(api)).become('10.0.0.1:3002');
    });

    it('are asked for in another namespace, and need no port where there is one only', async () => {
      const api = await start();
      api.put({ name: 'payments-a', ports: [{ name: '', port: 3002 }], endpoints: at('10.0.0.1') });
      await find('k8s:http://payments.shop', env(api)).become('10.0.0.1:3002');
      await find('k8s:http://payments.shop:3002', env(api)).become('10.0.0.1:3002');
      await find('k8s:http://payments.elsewhere', env(api)).fail('not_found');
      api.put({ name: 'payments-a', ports: [...ports, { name: 'admin', port: 9002 }], endpoints: at('10.0.0.1') });
      await find('k8s:http://payments.shop', env(api)).fail('not_found');
    });

    it('are watched on from where a watch ended, and not listed again', async () => {
      const api = await start();
      api.bookmarkEveryMs = 100;
      api.put({ name: 'payments-a', ports, endpoints: at('10.0.0.1') });
      const service = find(address, env(api));
      await eventually('it has watched thrice', () => api.watches >= 3, { timeoutMs: 10_000 });
      expect(api.lists).toBe(1);
      expect(service.view).toMatchObject({ failing: false });
      expect(service.view.ageMs).toBeLessThan(2_000);
      api.cut();
      api.put({ name: 'payments-a', ports, endpoints: at('10.0.0.2') });
      await service.become('10.0.0.2:3002');
    });

    it.each(['status', 'event'] as const)(
      'are listed anew when Kubernetes has forgotten where we were: told by %s',
      async (how) => {
        const api = await start();
        api.tellsGone = how;
        api.put({ name: 'payments-a', ports, endpoints: at('10.0.0.1') });
        const service = find(address, env(api));
        await service.become('10.0.0.1:3002');
        api.put({ name: 'payments-a', ports, endpoints: at('10.0.0.2') });
        api.compact();
        await eventually('it lists anew', () => api.lists === 2, { timeoutMs: 5_000 });
        await service.become('10.0.0.2:3002');
        expect(service.view.failing).toBe(false);
      },
    );

    itWithTls('are asked for over TLS, where only the cluster’s own certificate is trusted', async () => {
      const files = { key: join(credentials, 'tls.key'), cert: join(credentials, 'ca.crt') };
      const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
      const about = ['-subj', '/CN=kubernetes', '-addext', 'subjectAltName=IP:127.0.0.1'];
      const out = ['-keyout', files.key, '-out', files.cert];
      await promisify(execFile)('openssl', ['req', '-x509', ...curve, '-nodes', '-days', '1', ...about, ...out]);
      const tls = { key: await readFile(files.key, 'utf8'), cert: await readFile(files.cert, 'utf8') };
      const api = await start({ tls });
      api.put({ name: 'payments-a', ports, endpoints: at('10.0.0.1') });
      await find(address, env(api)).become('10.0.0.1:3002');
      await writeFile(files.cert, '');
      await find(address, env(api)).fail('refused');
    });

    it.each([
      ['fails', (api: KubernetesApi) => Object.assign(api, { mood: 'failing' }), 'failed'],
      ['hangs', (api: KubernetesApi) => Object.assign(api, { mood: 'hanging' }), 'timeout'],
      ['cuts all connections', (api: KubernetesApi) => Object.assign(api, { mood: 'cutting' }), 'unreachable'],
      ['takes our token no longer', (api: KubernetesApi) => Object.assign(api, { token: 'new' }), 'refused'],
      ['knows no instance', (api: KubernetesApi) => api.delete('payments-a'), 'empty'],
    ])('stay while Kubernetes %s', async (_, fail, reason) => {
      const api = await start();
      api.put({ name: 'payments-a', ports, endpoints: at('10.0.0.1') });
      const service = find(address, env(api));
      await service.become('10.0.0.1:3002');
      fail(api);
      api.cut();
      await service.fail(reason);
      expect(service.addresses).toEqual(['10.0.0.1:3002']);
      api.mood = 'well';
      await writeFile(join(credentials, 'token'), api.token);
      api.put({ name: 'payments-a', ports, endpoints: at('10.0.0.2') });
      await service.become('10.0.0.2:3002');
      await service.fail(false);
    });

    it('stay while the API server is gone, and come anew from one that knows nothing of before', async () => {
      const port = await freePort();
      const api = await start({ port });
      api.put({ name: 'payments-a', ports, endpoints: at('10.0.0.1') });
      const service = find(address, env(api));
      await service.become('10.0.0.1:3002');
      await api.stop();
      await service.fail('unreachable');
      const another = await start({ port });
      another.compact();
      await sleep(500);
      expect(service.addresses).toEqual(['10.0.0.1:3002']);
      another.put({ name: 'payments-z', ports, endpoints: at('10.0.0.9') });
      await service.become('10.0.0.9:3002');
    });

    it('are watched no more when their client has ended', async () => {
      const api = await start();
      api.put({ name: 'payments-a', ports, endpoints: at('10.0.0.1') });
      const service = find(address, env(api));
      await service.become('10.0.0.1:3002');
      await eventually('it watches', () => api.watchers === 1);
      await service.stop();
      await eventually('it watches no more', () => api.watchers === 0);
    });
  });
});
