import type { SourceOptions } from '../discovery.env.js';
import { pause } from './pause.js';
import { parse, RegistryClient } from './registry.client.js';
import { type Endpoint, type Source, unknownOptions } from './source.js';

/** What this needs of an entry. @see https://developer.hashicorp.com/consul/api-docs/health#list-service-instances-for-service */
interface Entry {
  Node: { Address: string };
  Service: { Address: string; Port: number; Weights?: { Passing: number }; Meta?: Record<string, string> | null };
}

/** Consul adds this share of the wait, at random. */
const consulsJitter = 1 / 16;
/** Where every answer comes at once, for whatever reason, it is asked no more often than this. */
const shortestQueryMs = 500;

/**
 * The instances of a Consul service whose checks pass, by their weights: `consul:http://payments?dc=dc2&tag=blue`. Each question waits in
 * Consul until something changes.
 *
 * @see https://developer.hashicorp.com/consul/api-docs/features/blocking
 */
export function consulSource(options: Pick<SourceOptions, 'timeoutMs' | 'watchMs' | 'consul'>): Source {
  return {
    check: checkConsul,
    async *watch({ authority: service, options: given }, signal) {
      const { timeoutMs, watchMs, consul } = options;
      const api = new RegistryClient('Consul', consul.url);
      const path = `/v1/health/service/${service}?${queryOf(given)}`;
      const waitingMs = watchMs * (1 + consulsJitter) + timeoutMs;
      try {
        for (let index = 0; !signal.aborted; ) {
          const beganAt = performance.now();
          const { headers, text } = await api.ask(`${path}&index=${index}&wait=${watchMs}ms`, {
            headers: consulHeaders(options),
            signal,
            timeoutMs: index === 0 ? timeoutMs : waitingMs,
          });
          yield endpointsOf(parse(text) as Entry[], service);
          index = nextIndex(index, Number(headers['x-consul-index']));
          const waitMs = shortestQueryMs - (performance.now() - beganAt);
          if (index > 0 && waitMs > 0) await pause(waitMs, signal);
        }
      } finally {
        api.close();
      }
    },
  };
}

/** What is wrong with an address of Consul, whoever uses it. */
export function checkConsul({ authority, options }: Parameters<Source['check']>[0]): string | undefined {
  const problem = unknownOptions('consul', options, ['dc', 'tag']);
  if (problem) return problem;
  const right = /^[\w-]+(\.[\w-]+)*$/.test(authority);
  return right
    ? undefined
    : 'consul: needs a service, such as consul:http://payments or consul:http://payments?tag=blue';
}

export function consulHeaders({ consul: { token } }: Pick<SourceOptions, 'consul'>): Record<string, string> {
  return token === undefined ? {} : { 'x-consul-token': token };
}

function queryOf(given: URLSearchParams): URLSearchParams {
  const query = new URLSearchParams({ passing: '1' });
  const dc = given.get('dc');
  if (dc) query.set('dc', dc);
  const tags = given.getAll('tag').map((tag) => `${JSON.stringify(tag)} in Service.Tags`);
  if (tags.length > 0) query.set('filter', tags.join(' and '));
  return query;
}

/** One that goes backwards begins anew; one that is not there, or 0, must not make each question return at once. */
function nextIndex(index: number, told: number): number {
  if (told < index) return 0;
  return told || 1;
}

function endpointsOf(entries: Entry[], service: string): Endpoint[] {
  return entries.map(({ Node: node, Service: { Address, Port, Weights, Meta } }) => ({
    host: Address || node.Address,
    port: Port,
    name: `${service}.service.consul`,
    weight: Weights?.Passing ?? 1,
    ...(Meta?.zone && { zone: Meta.zone }),
  }));
}
