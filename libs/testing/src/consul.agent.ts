import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf, MoodyServer } from './moody.server.js';

interface Check {
  TTL?: string;
  Status?: string;
}
interface Registered {
  ID: string;
  Name: string;
  Address?: string;
  Port?: number;
  Tags?: string[];
  Meta?: Record<string, string>;
  Weights?: { Passing: number; Warning: number };
  Check?: Check;
}
interface Stored {
  definition: Registered;
  status: string;
  expiry?: NodeJS.Timeout;
}

export interface ConsulAgentOptions {
  port?: number;
  /** Who does not show it is answered with 403. Without one everybody may ask. */
  token?: string;
}

/**
 * The part of Consul's API that has to do with finding services and being found, and that also behaves badly. It follows, of the
 * documentation of Consul v1.22: "Service - Agent HTTP API", "Check - Agent HTTP API" for checks with a TTL, "Health HTTP Endpoint" for a
 * service, and "Blocking Queries". Left out: other kinds of checks, the time after which a critical service is removed, and all filters
 * but those of tags.
 *
 * @see https://developer.hashicorp.com/consul/api-docs/agent/service
 * @see https://developer.hashicorp.com/consul/api-docs/health
 * @see https://developer.hashicorp.com/consul/api-docs/features/blocking
 */
export class ConsulAgent extends MoodyServer {
  token: string | undefined;
  /** Of all that is known; told in `X-Consul-Index`, where {@link tellsIndex}. */
  index = 100;
  tellsIndex = true;
  queries = 0;
  private readonly services = new Map<string, Stored>();
  private readonly waiting = new Set<{ response: ServerResponse; answer: () => void }>();

  private constructor(token: string | undefined) {
    super();
    this.token = token;
  }

  static start({ port, token }: ConsulAgentOptions = {}): Promise<ConsulAgent> {
    return new ConsulAgent(token).listen(port);
  }

  /** How many wait for a change. */
  get watchers(): number {
    return this.waiting.size;
  }

  /** As when an older snapshot is restored: what is known stays here, and the index is one that has been before. */
  rewind(): void {
    this.index = 10;
    this.wake();
  }

  /** Ends the connections of all who wait, in the middle of an answer. */
  cut(): void {
    for (const { response } of this.waiting) {
      response.writeHead(200, { 'content-length': 1_000 }).write('[{"Node":');
      response.socket?.destroy();
    }
  }

  override async stop(): Promise<void> {
    for (const { expiry } of this.services.values()) clearTimeout(expiry);
    await super.stop();
  }

  protected async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '', headers } = request;
    const { pathname, searchParams } = new URL(url, 'http://agent');
    const body = await bodyOf(request);
    const [, name, id = ''] = /^\/v1\/(health\/service|agent\/(?:service|check)\/\w+)(?:\/(.+))?$/.exec(pathname) ?? [];
    if (this.token !== undefined && headers['x-consul-token'] !== this.token)
      response.writeHead(403).end('Permission denied');
    else if (method === 'GET' && name === 'health/service') this.find(decodeURIComponent(id), searchParams, response);
    else if (method === 'PUT') this.take(String(name), decodeURIComponent(id), body, response);
    else response.writeHead(404).end();
  }

  private take(name: string, id: string, body: string, response: ServerResponse): void {
    if (name === 'agent/service/register') this.register(JSON.parse(body));
    else if (name === 'agent/service/deregister') this.deregister(id);
    else if (name === 'agent/check/pass' || name === 'agent/check/fail') {
      const stored = this.services.get(id.replace(/^service:/, ''));
      if (!stored?.definition.Check?.TTL) {
        response
          .writeHead(404)
          .end(`Unknown check ID "${id}". Ensure that the check ID is passed, not the check name.`);
        return;
      }
      this.hear(stored, name.endsWith('pass') ? 'passing' : 'critical');
    } else {
      response.writeHead(404).end();
      return;
    }
    response.end();
  }

  private register(definition: Registered): void {
    this.deregister(definition.ID);
    const stored: Stored = {
      definition,
      status: definition.Check?.Status ?? (definition.Check ? 'critical' : 'passing'),
    };
    this.services.set(definition.ID, stored);
    if (stored.status === 'passing') this.hear(stored, 'passing');
    this.changed();
  }

  private deregister(id: string): void {
    clearTimeout(this.services.get(id)?.expiry);
    if (this.services.delete(id)) this.changed();
  }

  /** A check with a TTL is critical when nothing has been heard for so long. */
  private hear(stored: Stored, status: string): void {
    const { TTL } = stored.definition.Check ?? {};
    clearTimeout(stored.expiry);
    if (TTL) stored.expiry = setTimeout(() => this.become(stored, 'critical'), msOf(TTL));
    this.become(stored, status);
  }

  private become(stored: Stored, status: string): void {
    const before = stored.status;
    stored.status = status;
    if (before !== status) this.changed();
  }

  private changed(): void {
    this.index += 1;
    this.wake();
  }

  private wake(): void {
    for (const { answer } of this.waiting) answer();
  }

  private find(service: string, query: URLSearchParams, response: ServerResponse): void {
    this.queries += 1;
    const dc = query.get('dc') ?? 'dc1';
    if (dc !== 'dc1') {
      response.writeHead(500).end('No path to datacenter');
      return;
    }
    const answer = () => {
      clearTimeout(end);
      this.waiting.delete(waiter);
      if (this.tellsIndex) response.setHeader('x-consul-index', this.index);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(this.entriesOf(service, query)));
    };
    const waiter = { response, answer };
    const waitMs = msOf(query.get('wait') ?? '5m');
    // An index of the future, as after a restart, does not make it answer.
    const blocks = Number(query.get('index') ?? 0) >= this.index;
    const end = setTimeout(answer, blocks ? waitMs + (Math.random() * waitMs) / 16 : 0);
    if (blocks) this.waiting.add(waiter);
    response.once('close', () => {
      clearTimeout(end);
      this.waiting.delete(waiter);
    });
  }

  private entriesOf(service: string, query: URLSearchParams) {
    const tags = [...(query.get('filter') ?? '').matchAll(/"(.+?)" in Service\.Tags/g)].map(([, tag = '']) => tag);
    const wanted = [...this.services.values()].filter(
      ({ definition: { Name, Tags = [] }, status }) =>
        Name === service && (!query.has('passing') || status === 'passing') && tags.every((tag) => Tags.includes(tag)),
    );
    return wanted.map(
      ({ definition: { ID, Name, Address = '', Port = 0, Tags = [], Meta = {}, Weights }, status }) => ({
        Node: { Node: 'agent', Address: '127.0.0.1', Datacenter: 'dc1' },
        Service: { ID, Service: Name, Address, Port, Tags, Meta, Weights: Weights ?? { Passing: 1, Warning: 1 } },
        Checks: [{ CheckID: `service:${ID}`, Status: status, ServiceID: ID, ServiceName: Name }],
      }),
    );
  }
}

const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000 };

/** A duration as Go writes it, of one unit. */
function msOf(duration: string): number {
  const [, number, unit = ''] = /^([\d.]+)(ms|s|m)$/.exec(duration) ?? [];
  return Number(number) * (units[unit] ?? Number.NaN);
}
