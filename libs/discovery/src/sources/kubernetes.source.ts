import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServiceAddress } from '@app/resilience';
import type { SourceOptions } from '../discovery.env.js';
import { pause } from './pause.js';
import { parse, RegistryClient } from './registry.client.js';
import { SourceFailure } from './source.failure.js';
import { type Endpoint, type Source, unknownOptions } from './source.js';

/** What this needs of `EndpointSlice`. @see https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/ */
interface EndpointSlice {
  metadata: { name: string; resourceVersion?: string };
  addressType: 'IPv4' | 'IPv6' | 'FQDN';
  ports?: { name?: string; port?: number }[] | null;
  endpoints?: {
    addresses: string[];
    /** What is not said is as good as `true`, but for `terminating`. */
    conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean };
    zone?: string;
  }[];
}
interface EndpointSliceList {
  metadata: { resourceVersion: string };
  items: EndpointSlice[];
}
type WatchEvent =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; object: EndpointSlice }
  | { type: 'ERROR'; object: { code?: number } };

/** What stands in the address: `payments`, `payments.shop`, and the port's number or name where the service has many. */
const form =
  /^(?<service>[a-z0-9]([-a-z0-9]*[a-z0-9])?)(\.(?<namespace>[a-z0-9]([-a-z0-9]*[a-z0-9])?))?(:(?<port>[a-z0-9-]+))?$/;

const gone = 410;
const shortestWatchMs = 500;

/**
 * The EndpointSlices of a Kubernetes service, by the API and with the pod's own credentials: `k8s:http://payments.shop:http`. The list once,
 * then what changes; after a watch ends it goes on where it was, and where Kubernetes no longer knows that, with a new list.
 *
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
export function kubernetesSource(options: Pick<SourceOptions, 'timeoutMs' | 'watchMs' | 'kubernetes'>): Source {
  return {
    check({ authority, options: given }) {
      const problem = unknownOptions('k8s', given);
      if (problem) return problem;
      if (!form.test(authority))
        return 'k8s: needs a service, such as k8s:http://payments, k8s:http://payments.shop or k8s:http://payments.shop:http';
      if (options.kubernetes.url || process.env.KUBERNETES_SERVICE_HOST) return undefined;
      return 'k8s: works in a pod only; elsewhere set DISCOVERY_KUBERNETES_URL';
    },
    watch: (address, signal) => new KubernetesWatch(options, address, signal).lists(),
  };
}

class KubernetesWatch {
  private readonly slices = new Map<string, EndpointSlice>();
  private version = '';

  constructor(
    private readonly options: Pick<SourceOptions, 'timeoutMs' | 'watchMs' | 'kubernetes'>,
    private readonly address: ServiceAddress,
    private readonly signal: AbortSignal,
  ) {}

  async *lists(): AsyncGenerator<Endpoint[]> {
    const { service = '', port, ...named } = form.exec(this.address.authority)?.groups ?? {};
    const namespace = named.namespace ?? (await this.credential('namespace'));
    const endpoints = () => endpointsOf([...this.slices.values()], port, `${service}.${namespace}.svc`);
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D${service}`;
    const { url = inCluster() } = this.options.kubernetes;
    const api = new RegistryClient(
      'Kubernetes',
      url,
      url.startsWith('https') ? await this.credential('ca.crt') : undefined,
    );
    try {
      while (!this.signal.aborted) {
        if (!this.version) await this.list(api, path);
        // Also when nothing has changed: it is known to hold.
        yield endpoints();
        for await (const changed of this.changes(api, path)) if (changed) yield endpoints();
      }
    } finally {
      api.close();
    }
  }

  private async list(api: RegistryClient, path: string): Promise<void> {
    const { text } = await api.ask(path, { ...(await this.asWho()), timeoutMs: this.options.timeoutMs });
    const { metadata, items } = parse(text) as EndpointSliceList;
    this.slices.clear();
    for (const slice of items) this.slices.set(slice.metadata.name, slice);
    this.version = metadata.resourceVersion;
  }

  /** One watch to its end, which Kubernetes sets; it says of each event whether something has changed. */
  private async *changes(api: RegistryClient, path: string): AsyncGenerator<boolean> {
    const { watchMs, timeoutMs } = this.options;
    const beganAt = performance.now();
    const query = `&watch=1&allowWatchBookmarks=true&resourceVersion=${encodeURIComponent(this.version)}&timeoutSeconds=${Math.ceil(watchMs / 1_000)}`;
    try {
      const bounds = { timeoutMs: Math.ceil(watchMs / 1_000) * 1_000 + timeoutMs };
      for await (const event of api.lines(path + query, { ...(await this.asWho()), ...bounds })) {
        yield this.take(event as WatchEvent);
      }
    } catch (error) {
      if (!isGone(error)) throw error;
      this.version = '';
    }
    // A server that ends each watch at once is not asked all the time.
    const waitMs = shortestWatchMs - (performance.now() - beganAt);
    if (waitMs > 0) await pause(waitMs, this.signal);
  }

  private take({ type, object }: WatchEvent): boolean {
    if (type === 'ERROR')
      throw new SourceFailure('failed', 'Kubernetes ended the watch', { cause: { status: object.code } });
    const { name, resourceVersion } = object.metadata;
    if (resourceVersion) this.version = resourceVersion;
    if (type === 'BOOKMARK') return false;
    if (type === 'DELETED') this.slices.delete(name);
    else this.slices.set(name, object);
    return true;
  }

  /** The token is read each time: Kubernetes replaces it before it expires. */
  private async asWho(): Promise<{ headers: Record<string, string>; signal: AbortSignal }> {
    const token = await this.credential('token').catch((error) => {
      // A proxy on this machine, `kubectl proxy`, has credentials of its own.
      if (this.options.kubernetes.url) return undefined;
      throw error;
    });
    return {
      headers: { accept: 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      signal: this.signal,
    };
  }

  private async credential(name: 'token' | 'ca.crt' | 'namespace'): Promise<string> {
    const file = join(this.options.kubernetes.credentials, name);
    const text = await readFile(file, 'utf8').catch((cause) => {
      throw new SourceFailure('refused', `${file} cannot be read`, { cause });
    });
    return text.trim();
  }
}

/** Those that are ready; where there is none, those that still serve while they end, as kube-proxy does it. */
function endpointsOf(slices: EndpointSlice[], port: string | undefined, name: string): Endpoint[] {
  const ready: Endpoint[] = [];
  const ending: Endpoint[] = [];
  // In a cluster with both families each pod is in a slice of each.
  const type = slices.find(({ addressType }) => addressType === 'IPv4')?.addressType ?? slices[0]?.addressType;
  for (const slice of slices) {
    if (slice.addressType !== type) continue;
    const number = portOf(slice, port);
    for (const { addresses, conditions = {}, zone } of slice.endpoints ?? []) {
      const endpoint = { host: addresses[0] as string, port: number, name, ...(zone && { zone }) };
      if (conditions.ready ?? true) ready.push(endpoint);
      else if (conditions.serving && conditions.terminating) ending.push(endpoint);
    }
  }
  return ready.length > 0 ? ready : ending;
}

function portOf({ ports }: EndpointSlice, wanted: string | undefined): number {
  const numbers = (ports ?? []).flatMap(({ name, port }) =>
    port !== undefined && (wanted === undefined || wanted === name || wanted === String(port)) ? [port] : [],
  );
  if (numbers.length === 1) return numbers[0] as number;
  if (wanted && /^\d+$/.test(wanted) && !ports?.length) return Number(wanted);
  const names = (ports ?? []).map(({ name, port }) => name || port).join(', ');
  throw new SourceFailure(
    'not_found',
    `the service has no single port ${wanted ?? ''}: name one of ${names || 'none'} after a colon`,
  );
}

function isGone(error: unknown): boolean {
  return ((error as Error).cause as { status?: number } | undefined)?.status === gone;
}

function inCluster(): string {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT_HTTPS, KUBERNETES_SERVICE_PORT } = process.env;
  return `https://${host.includes(':') ? `[${host}]` : host}:${KUBERNETES_SERVICE_PORT_HTTPS ?? KUBERNETES_SERVICE_PORT ?? 443}`;
}
