import type { SourceOptions } from '../discovery.env.js';
import { consulSource } from './consul.source.js';
import { dnsSource, dnsSrvSource } from './dns.source.js';
import { kubernetesSource } from './kubernetes.source.js';
import { nacosSource } from './nacos.source.js';
import type { Source } from './source.js';
import { staticSource } from './static.source.js';

/** Every source, by what stands before the first colon of an address; a list of hosts has nothing there. */
export function allSources(options: SourceOptions): Record<string, Source> {
  return {
    '': staticSource,
    dns: dnsSource(options),
    'dns+srv': dnsSrvSource(options),
    consul: consulSource(options),
    nacos: nacosSource(options),
    k8s: kubernetesSource(options),
  };
}
