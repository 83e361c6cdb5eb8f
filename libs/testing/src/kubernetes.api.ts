import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

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

export interface KubernetesApiOptions {
  service?: string;
  namespace?: string;
  port?: number;
  tls?: { key: string; cert: string };
}

type Mood = 'well' | 'hanging' | 'failing' | 'cutting';
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
export class KubernetesApi {
  /** Who does not show it is answered with 401. */
  token = 'token';
  /** Answers as it should, not at all, with 500, or cuts each connection after a while. */
  mood: Mood = 'well';
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
    private readonly server: Server | SecureServer,
    private readonly service: string,
    private readonly namespace: string,
  ) {
    server.on('request', (request, response) => this.serve(request, response));
  }

  /** @param options.tls key and certificate, in PEM; without them it speaks plain HTTP, as `kubectl proxy` does */
  static async start(options: KubernetesApiOptions = {}): Promise<KubernetesApi> {
    const { service = 'payments', namespace = 'shop', port = 0, tls } = options;
    const server = tls ? createSecureServer(tls) : createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return new KubernetesApi(server, service, namespace);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.server instanceof SecureServer ? 'https' : 'http'}://127.0.0.1:${this.port}`;
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

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
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

  private serve({ url = '', headers }: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(url, 'http://api');
    response.setHeader('content-type', 'application/json');
    const refusal = this.refusalOf(pathname, headers.authorization);
    if (this.mood === 'hanging') return;
    if (this.mood === 'cutting') response.socket?.destroy();
    else if (refusal) refuse(response, refusal);
    else if (searchParams.get('watch')) this.watch(searchParams, response);
    else this.list(searchParams, response);
  }

  private refusalOf(path: string, authorization: string | undefined): Refusal | undefined {
    if (this.mood === 'failing') return 'InternalError';
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
