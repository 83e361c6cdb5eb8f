import type { SourceOptions } from '../discovery.env.js';
import { checkNacos, NacosClient, type NacosQuestion, nacosService } from '../sources/nacos.client.js';
import type { Registry } from './registry.js';

/** Lists an instance in Nacos for as long as it is heard of: `nacos:http://payments?group=shop`. */
export function nacosRegistry(options: Pick<SourceOptions, 'timeoutMs' | 'nacos'>): Registry {
  return {
    check: (address) => checkNacos(options, address),
    open({ authority, options: given }, { host, port, zone, renewMs }) {
      const nacos = new NacosClient(options);
      const service = nacosService(authority, given);
      const parameters = { ...service, ip: host, port: String(port), ephemeral: 'true' };
      const metadata = {
        'preserved.heart.beat.interval': String(renewMs),
        'preserved.heart.beat.timeout': String(3 * renewMs),
        'preserved.ip.delete.timeout': String(6 * renewMs),
        ...(zone !== undefined && { zone }),
      };
      const tell = async (signal: AbortSignal, method: NacosQuestion['method'], more: Record<string, string> = {}) => {
        await nacos.ask(signal, (version) => ({
          method,
          path: `/${version === 'v3' ? 'v3/client' : 'v2'}/ns/instance`,
          parameters: { ...parameters, ...more },
        }));
      };
      return {
        join: (signal) => tell(signal, 'POST', { metadata: JSON.stringify(metadata) }),
        renew: async (signal) => {
          await nacos.ask(signal, (version) => (version === 'v3' ? heartbeat(parameters) : beatOfBefore(parameters)));
        },
        leave: (signal) => tell(signal, 'DELETE'),
        close: () => nacos.close(),
      };
    },
  };
}

function heartbeat(parameters: Record<string, string>): NacosQuestion {
  return { method: 'POST', path: '/v3/client/ns/instance', parameters: { ...parameters, heartBeat: 'true' } };
}

/** Nacos 2 has taken it over from Nacos 1. */
function beatOfBefore({ groupName, serviceName, ...parameters }: Record<string, string>): NacosQuestion {
  return {
    method: 'PUT',
    path: '/v1/ns/instance/beat',
    parameters: { ...parameters, serviceName: `${groupName}@@${serviceName}` },
  };
}
