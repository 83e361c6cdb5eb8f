import type { SourceOptions } from '../discovery.env.js';
import { checkConsul, consulHeaders } from '../sources/consul.source.js';
import { RegistryClient } from '../sources/registry.client.js';
import type { Registry } from './registry.js';

/** Consul allows no less. */
const forgetAfter = '1m';

/**
 * Lists an instance with Consul's agent, with a check of its own that is critical when nothing is heard of it: `consul:http://payments?tag=blue`.
 *
 * @see https://developer.hashicorp.com/consul/api-docs/agent/service
 * @see https://developer.hashicorp.com/consul/api-docs/agent/check#ttl-check-pass
 */
export function consulRegistry(options: Pick<SourceOptions, 'timeoutMs' | 'consul'>): Registry {
  return {
    check: (address) =>
      address.options.has('dc')
        ? 'consul: an instance is listed in the datacentre of its agent; leave dc out'
        : checkConsul(address),
    open({ authority: service, options: given }, { host, port, zone, renewMs }) {
      const api = new RegistryClient('Consul', options.consul.url);
      const put = async (path: string, signal: AbortSignal, body?: object) => {
        const { timeoutMs } = options;
        const headers = consulHeaders(options);
        await api.ask(path, { method: 'PUT', headers, signal, timeoutMs, ...(body && { body: JSON.stringify(body) }) });
      };
      const id = `${service}-${host}-${port}`;
      const named = encodeURIComponent(id);
      return {
        join: (signal) =>
          put('/v1/agent/service/register?replace-existing-checks=true', signal, {
            ID: id,
            Name: service,
            Address: host,
            Port: port,
            Tags: given.getAll('tag'),
            Meta: zone === undefined ? {} : { zone },
            Check: { TTL: `${3 * renewMs}ms`, Status: 'passing', DeregisterCriticalServiceAfter: forgetAfter },
          }),
        renew: (signal) => put(`/v1/agent/check/pass/service:${named}`, signal),
        leave: (signal) => put(`/v1/agent/service/deregister/${named}`, signal),
        close: () => api.close(),
      };
    },
  };
}
