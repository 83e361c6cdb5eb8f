import type { IncomingMessage, ServerResponse } from 'node:http';
import { MoodyServer, type MoodyServerOptions } from './moody.server.js';

export interface KubernetesEndpoint {
  addresses: string[];
  conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean };
  zone?: string;
}
export interface KubernetesSlice {
  name: string;
  addressType?: 'IPv4' | 'IPv6' | 'FQDN';
  ports: { name?: string; port?: number; protocol?: string }[];
  endpoints: KubernetesEndpoint[];
}

export interface KubernetesApiOptions extends MoodyServerOptions {
  service?: string;
  namespace?: string;
}

interface Stored {
  version: number;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: ReturnType<KubernetesApi['objectOf']>;
}

/**
 * The part of Kubernetes' API that has to do with the EndpointSlices of one service, and that also behaves badly. It follows, of the
 * documentation of Kubernetes v1.34: "EndpointSlice v1 discovery" of the API reference, and of "Kubernetes API Concepts" the sections
 * "Efficient detection of changes", "Watch bookmarks", "The resourceVersion parameter" and "410 Gone responses".
 *
 * @see https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/
 */
export class KubernetesApi extends MoodyServer {
  /** Who does not show it is answered with 401. */
  token = 'token';
  /** How it tells that it has forgotten a version: with the answer's status, or with an event of the watch. Both are allowed. */
  tellsGone: 'status' | 'event' = 'event';
  bookmarkEveryMs = Infinity;
  lists = 0;
  watches = 0;
  private version = 1_000;
  /** Older changes than this are forgotten. */
  private oldest = 0;
  private readonly slices = new Map<string, Stored['object']>();
  private readonly changes: Stored[] = [];
  private readonly watching = new Set<{ response: ServerResponse; sent: number }>();

  private constructor(
    private readonly service: string,
    private readonly namespace: string,
    tls: KubernetesApiOptions['tls'],
  ) {
    super(tls);
  }

  /** Without `tls` it speaks plain HTTP, as `kubectl proxy` does. */
  static start({
    service = 'payments',
    namespace = 'shop',
    port,
    tls,
  }: KubernetesApiOptions = {}): Promise<KubernetesApi> {
    return new KubernetesApi(service, namespace, tls).listen(port);
  }

  /** How many watches are open. */
  get watchers(): number {
    return this.watching.size;
  }

  put(slice: KubernetesSlice): void {
    this.change(this.slices.has(slice.name) ? 'MODIFIED' : 'ADDED', slice);
  }

  delete(name: string): void {
    const object = this.slices.get(name);
    if (object) this.change('DELETED', { ...object, name, addressType: object.addressType ?? 'IPv4' });
  }

  /** Forgets all changes before now, as etcd's compaction does: whoever watches from before is told 410. */
  compact(): void {
    this.version += 1;
    this.oldest = this.version;
    this.changes.length = 0;
  }

  /** Ends the connections of all who watch, in the middle of an event. */
  cut(): void {
    for (const { response } of this.watching) {
      response.write('{"type":"MODI');
      response.socket?.destroy();
    }
  }

  private change(type: Stored['type'], slice: KubernetesSlice): void {
    this.version += 1;
    const object = this.objectOf(slice, this.version);
    if (type === 'DELETED') this.slices.delete(slice.name);
    else this.slices.set(slice.name, object);
    this.changes.push({ version: this.version, type, object });
    for (const watcher of this.watching) this.tell(watcher);
  }

  private objectOf({ name, addressType = 'IPv4', ports, endpoints }: KubernetesSlice, version: number) {
    const labels = { 'kubernetes.io/service-name': this.service };
    const metadata = { name, namespace: this.namespace, labels, resourceVersion: String(version) };
    return { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', metadata, addressType, ports, endpoints };
  }

  protected serve({ url = '', headers }: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(url, 'http://api');
    response.setHeader('content-type', 'application/json');
    const refusal = this.refusalOf(pathname, headers.authorization);
    if (refusal) refuse(response, refusal);
    else if (searchParams.get('watch')) this.watch(searchParams, response);
    else this.list(searchParams, response);
  }

  protected override fail(response: ServerResponse): void {
    refuse(response, 'InternalError');
  }

  private refusalOf(path: string, authorization: string | undefined): Refusal | undefined {
    if (authorization !== `Bearer ${this.token}`) return 'Unauthorized';
    return path === `/apis/discovery.k8s.io/v1/namespaces/${this.namespace}/endpointslices` ? undefined : 'NotFound';
  }

  private list(query: URLSearchParams, response: ServerResponse): void {
    this.lists += 1;
    const metadata = { resourceVersion: String(this.version) };
    const selected = query.get('labelSelector') === `kubernetes.io/service-name=${this.service}`;
    const items = selected ? [...this.slices.values()] : [];
    response.end(JSON.stringify({ kind: 'EndpointSliceList', apiVersion: 'discovery.k8s.io/v1', metadata, items }));
  }

  private watch(query: URLSearchParams, response: ServerResponse): void {
    this.watches += 1;
    const from = Number(query.get('resourceVersion'));
    if (from < this.oldest) this.tellGone(response);
    else this.follow(from, query, response);
  }

  private tellGone(response: ServerResponse): void {
    if (this.tellsGone === 'status') refuse(response, 'Expired');
    else response.end(`${JSON.stringify({ type: 'ERROR', object: statusOf('Expired') })}\n`);
  }

  private follow(from: number, query: URLSearchParams, response: ServerResponse): void {
    response.flushHeaders();
    const watcher = { response, sent: from };
    this.watching.add(watcher);
    this.tell(watcher);
    const end = setTimeout(() => response.end(), Number(query.get('timeoutSeconds')) * 1_000);
    const bookmarks = query.get('allowWatchBookmarks') === 'true' && Number.isFinite(this.bookmarkEveryMs);
    const bookmark = bookmarks && setInterval(() => this.bookmark(watcher), this.bookmarkEveryMs);
    response.once('close', () => {
      this.watching.delete(watcher);
      clearTimeout(end);
      if (bookmark) clearInterval(bookmark);
    });
  }

  private tell(watcher: { response: ServerResponse; sent: number }): void {
    for (const { version, type, object } of this.changes) {
      if (version > watcher.sent) watcher.response.write(`${JSON.stringify({ type, object })}\n`);
    }
    watcher.sent = this.version;
  }

  /** A bookmark has the object's kind and the version, and nothing else. */
  private bookmark(watcher: { response: ServerResponse; sent: number }): void {
    const metadata = { resourceVersion: String(this.version) };
    const object = { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', metadata };
    watcher.response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
    watcher.sent = this.version;
  }
}

/** Reasons of a `Status`, and their codes. */
const codes = { Unauthorized: 401, NotFound: 404, Expired: 410, InternalError: 500 };
type Refusal = keyof typeof codes;

function refuse(response: ServerResponse, reason: Refusal): void {
  response.writeHead(codes[reason]).end(JSON.stringify(statusOf(reason)));
}

function statusOf(reason: Refusal) {
  const code = codes[reason];
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: reason, reason, code };
}
