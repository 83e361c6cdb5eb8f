import { Resolver } from 'node:dns/promises';
import type { ServiceAddress } from '@app/resilience';
import type { SourceOptions } from '../discovery.env.js';
import { pause, staggered } from './pause.js';
import { type Endpoint, type Source, unknownOptions } from './source.js';
import { hostAndPort } from './static.source.js';

/** Answers that live shorter are asked for so often, no more. */
const fastestMs = 500;

interface Answer {
  endpoints: Endpoint[];
  ttlMs: number;
}

type DnsOptions = Pick<SourceOptions, 'timeoutMs' | 'refreshMs' | 'dnsServers'>;

/** The addresses (A, and AAAA where there is none) of a host: `dns:http://payments.shop.svc.cluster.local:3002`. It needs its full name: no search domain is tried. */
export function dnsSource(options: DnsOptions): Source {
  return {
    check({ scheme, authority, options }) {
      const problem = unknownOptions('dns', options);
      const right = URL.canParse(`${scheme}://${authority}`) && !authority.includes(',');
      return right ? problem : 'dns: needs a host and perhaps a port, such as dns:http://payments.example:3002';
    },
    watch: (address, signal) => poll(options, signal, (resolver) => addressesOf(resolver, address)),
  };
}

/** The hosts and ports of a service record, of the first priority, by their weights: `dns+srv:http://_http._tcp.payments.example`. */
export function dnsSrvSource(options: DnsOptions): Source {
  return {
    check({ authority, options }) {
      const problem = unknownOptions('dns+srv', options);
      const right = /^[^:,]+\.[^:,]+$/.test(authority);
      return right
        ? problem
        : 'dns+srv: needs the name of a record, such as dns+srv:http://_http._tcp.payments.example';
    },
    watch: ({ authority }, signal) => poll(options, signal, (resolver) => servicesOf(resolver, authority)),
  };
}

async function* poll(
  { timeoutMs, refreshMs, dnsServers }: DnsOptions,
  signal: AbortSignal,
  ask: (resolver: Resolver) => Promise<Answer>,
): AsyncIterable<Endpoint[]> {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
  if (dnsServers) resolver.setServers(dnsServers);
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel);
  try {
    while (!signal.aborted) {
      const { endpoints, ttlMs } = await ask(resolver);
      yield endpoints;
      const waitMs = Math.min(refreshMs, Math.max(fastestMs, ttlMs));
      await pause(staggered(waitMs), signal);
    }
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

async function addressesOf(resolver: Resolver, { scheme, authority }: ServiceAddress): Promise<Answer> {
  const { host: name, port } = hostAndPort(scheme, authority);
  const records = await resolver
    .resolve4(name, { ttl: true })
    .catch((error) => (error.code === 'ENODATA' ? resolver.resolve6(name, { ttl: true }) : Promise.reject(error)));
  const endpoints = records.map(({ address }) => ({ host: address, port, name: authority }));
  return { endpoints, ttlMs: Math.min(...records.map(({ ttl }) => ttl * 1_000)) };
}

/** @see https://www.rfc-editor.org/rfc/rfc2782 */
async function servicesOf(resolver: Resolver, name: string): Promise<Answer> {
  const records = await resolver.resolveSrv(name);
  const first = Math.min(...records.map(({ priority }) => priority));
  const chosen = records.filter((record) => record.priority === first && record.name !== '');
  const weighted = chosen.some(({ weight }) => weight > 0);
  const endpoints = chosen.map(({ name: host, port, weight }) => ({ host, port, weight: weighted ? weight : 1 }));
  // Node does not tell how long a service record lives.
  return { endpoints, ttlMs: Infinity };
}
