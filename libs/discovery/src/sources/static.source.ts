import { once } from 'node:events';
import type { ServiceAddress } from '@app/resilience';
import { type Endpoint, type Source, unknownOptions } from './source.js';

/** The instances that the address itself lists: `http://10.0.0.7:3002,10.0.0.8:3002`. */
export const staticSource: Source = {
  check({ scheme, authority, options }) {
    const problem = unknownOptions('a list of hosts', options);
    if (problem) return problem;
    const wrong = authority.split(',').filter((host) => !URL.canParse(`${scheme}://${host}`));
    return wrong.length > 0
      ? `a list is of hosts, each with its port where it has one; ${wrong.join(', ') || 'an empty one'} is none`
      : undefined;
  },

  async *watch(address, signal) {
    yield endpointsOf(address);
    if (!signal.aborted) await once(signal, 'abort');
  },
};

function endpointsOf({ scheme, authority }: ServiceAddress): Endpoint[] {
  return authority.split(',').map((host) => hostAndPort(scheme, host));
}

/** @param host as in a URL: a name or an address, in brackets for IPv6, and a port where it is not that of the scheme */
export function hostAndPort(scheme: 'http' | 'https', host: string): Endpoint {
  const { hostname, port } = new URL(`${scheme}://${host}`);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (scheme === 'https' ? 443 : 80) };
}
