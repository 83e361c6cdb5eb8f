import type { SourceOptions } from '../discovery.env.js';
import { checkNacos, NacosClient, nacosService } from './nacos.client.js';
import { pause, staggered } from './pause.js';
import type { Endpoint, Source } from './source.js';

/** What this needs of an instance. */
interface Instance {
  ip: string;
  port: number;
  weight: number;
  healthy: boolean;
  enabled: boolean;
  metadata?: Record<string, string> | null;
}

/**
 * The instances of a Nacos service that are healthy and enabled, by their weights: `nacos:http://payments?namespace=…&group=…&cluster=…`.
 * Nacos tells of changes by gRPC only, so it is asked again and again.
 */
export function nacosSource(options: Pick<SourceOptions, 'timeoutMs' | 'refreshMs' | 'nacos'>): Source {
  return {
    check: (address) => checkNacos(options, address),
    async *watch({ authority, options: given }, signal) {
      const nacos = new NacosClient(options);
      const parameters = { ...nacosService(authority, given), healthyOnly: 'true' };
      try {
        while (!signal.aborted) {
          const data = await nacos.ask(signal, (version) => ({
            method: 'GET',
            path: `/${version === 'v3' ? 'v3/client' : 'v2'}/ns/instance/list`,
            parameters,
          }));
          const instances = Array.isArray(data) ? data : (data as { hosts: Instance[] }).hosts;
          yield endpointsOf(instances, authority);
          await pause(staggered(options.refreshMs), signal);
        }
      } finally {
        nacos.close();
      }
    },
  };
}

/** `healthyOnly` is asked for, and not heeded by all versions. */
function endpointsOf(instances: Instance[], name: string): Endpoint[] {
  return instances
    .filter(({ healthy, enabled }) => healthy && enabled)
    .map(({ ip: host, port, weight, metadata }) => {
      return { host, port, name, weight, ...(metadata?.zone && { zone: metadata.zone }) };
    });
}
