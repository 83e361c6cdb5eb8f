import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf, MoodyServer } from './moody.server.js';

interface Instance {
  ip: string;
  port: number;
  weight: number;
  healthy: boolean;
  enabled: boolean;
  ephemeral: boolean;
  clusterName: string;
  serviceName: string;
  metadata: Record<string, string>;
}
interface Stored {
  instance: Instance;
  unhealthy?: NodeJS.Timeout;
  gone?: NodeJS.Timeout;
}

export interface NacosServerOptions {
  port?: number;
  /** @default 3 */
  version?: 2 | 3;
  /** Whom it asks for a password, and then for a token. Without one everybody may ask. */
  user?: { username: string; password: string };
}

/**
 * The part of Nacos' HTTP API that has to do with finding services and being found, and that also behaves badly. It follows the "Open API"
 * of the manual of Nacos 3.0 (register and renew, deregister, list, with the envelope and codes of all answers), or the "Open API Guide" of
 * Nacos 2 with the heartbeat of Nacos 1, which it has kept; users log in as the "Authorization" page of either says. Left out: what is
 * persistent, which no heartbeat keeps alive.
 *
 * @see https://nacos.io/en/docs/v3.0/manual/user/open-api
 * @see https://nacos.io/en/docs/v2/guide/user/open-api
 */
export class NacosServer extends MoodyServer {
  queries = 0;
  private tokens = new Set<string>();
  private readonly instances = new Map<string, Stored>();

  private constructor(
    private readonly version: 2 | 3,
    private readonly user: NacosServerOptions['user'],
  ) {
    super();
  }

  static start({ port, version = 3, user }: NacosServerOptions = {}): Promise<NacosServer> {
    return new NacosServer(version, user).listen(port);
  }

  override get url(): string {
    return `${super.url}/nacos`;
  }

  /** From now on no token is taken that has been given. */
  expireTokens(): void {
    this.tokens.clear();
  }

  /** As an operator does it in the console: the instance is there, and nobody shall call it. */
  disable(port: number): void {
    for (const { instance } of this.instances.values()) if (instance.port === port) instance.enabled = false;
  }

  override async stop(): Promise<void> {
    for (const stored of this.instances.values()) forget(stored);
    await super.stop();
  }

  protected override fail(response: ServerResponse): void {
    answer(response, 500, 30_000, 'server error');
  }

  protected async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const { pathname, searchParams } = new URL(url, 'http://nacos');
    const parameters = {
      ...Object.fromEntries(searchParams),
      ...Object.fromEntries(new URLSearchParams(await bodyOf(request))),
    };
    const [login, instance, beat] =
      this.version === 3
        ? ['/v3/auth/user/login', '/v3/client/ns/instance', undefined]
        : ['/v1/auth/login', '/v2/ns/instance', '/v1/ns/instance/beat'];
    const path = pathname.replace(/^\/nacos/, '');
    const token = headers.authorization?.replace(/^Bearer /, '') ?? '';
    if (path === login) this.login(parameters, response);
    else if (![instance, `${instance}/list`, beat].includes(path)) response.writeHead(404).end('{"status":404}');
    else if (this.user && !this.tokens.has(token)) answer(response, 403, 403, 'token invalid!');
    else if (path === beat) this.renewAsBefore(parameters, response);
    else if (path.endsWith('/list')) this.list(parameters, response);
    else if (method === 'DELETE') this.deregister(parameters, response);
    else if (parameters.heartBeat === 'true') this.renew(parameters, response);
    else this.register(parameters, response);
  }

  private login({ username, password }: Parameters, response: ServerResponse): void {
    if (username !== this.user?.username || password !== this.user?.password) {
      answer(response, 403, 403, 'unknown user!');
      return;
    }
    const accessToken = randomUUID();
    this.tokens.add(accessToken);
    response.end(JSON.stringify({ accessToken, tokenTtl: 18_000, globalAdmin: false }));
  }

  private register(parameters: Parameters, response: ServerResponse): void {
    const { ip, port, serviceName, weight = '1', clusterName = 'DEFAULT', metadata = '{}' } = parameters;
    if (!ip || !port || !serviceName) {
      answer(response, 400, 10_000, 'parameter missing');
      return;
    }
    const key = keyOf(parameters);
    forget(this.instances.get(key));
    const instance = {
      ...{ ip, port: Number(port), weight: Number(weight), healthy: true, enabled: true, ephemeral: true, clusterName },
      serviceName: `${parameters.groupName ?? 'DEFAULT_GROUP'}@@${serviceName}`,
      metadata: JSON.parse(metadata),
    };
    this.instances.set(key, { instance });
    this.hear(key);
    answer(response, 200, 0, 'success', 'ok');
  }

  private deregister(parameters: Parameters, response: ServerResponse): void {
    const key = keyOf(parameters);
    forget(this.instances.get(key));
    this.instances.delete(key);
    answer(response, 200, 0, 'success', 'ok');
  }

  private renew(parameters: Parameters, response: ServerResponse): void {
    const known = this.hear(keyOf(parameters));
    if (known) answer(response, 200, 0, 'success', 'ok');
    else answer(response, 200, 21_003, 'instance not found');
  }

  /** It names a service with its group. */
  private renewAsBefore({ serviceName = '', ...parameters }: Parameters, response: ServerResponse): void {
    const [groupName, name = ''] = serviceName.split('@@');
    const known = this.hear(keyOf({ ...parameters, groupName, serviceName: name }));
    response.end(JSON.stringify({ code: known ? 10_200 : 20_404, clientBeatInterval: 5_000, lightBeatEnabled: true }));
  }

  private list(parameters: Parameters, response: ServerResponse): void {
    this.queries += 1;
    const service = serviceOf(parameters);
    const found = [...this.instances]
      .filter(([key]) => key.startsWith(`${service} `))
      .map(([, { instance }]) => instance);
    const { clusterName } = parameters;
    const hosts = clusterName ? found.filter((instance) => instance.clusterName === clusterName) : found;
    // Nacos 3 does not heed `healthyOnly`.
    const asked =
      this.version === 2 && parameters.healthyOnly === 'true' ? hosts.filter(({ healthy }) => healthy) : hosts;
    answer(
      response,
      200,
      0,
      'success',
      this.version === 3 ? asked : { name: service, cacheMillis: 10_000, hosts: asked },
    );
  }

  /** An instance of which nothing is heard is unhealthy, and then gone. @returns whether there is one */
  private hear(key: string): boolean {
    const stored = this.instances.get(key);
    if (!stored) return false;
    forget(stored);
    const { metadata } = stored.instance;
    const after = (name: string, otherwise: number, work: () => void) =>
      setTimeout(work, Number(metadata[`preserved.${name}`] ?? otherwise));
    stored.instance.healthy = true;
    stored.unhealthy = after('heart.beat.timeout', 15_000, () => {
      stored.instance.healthy = false;
    });
    stored.gone = after('ip.delete.timeout', 30_000, () => this.instances.delete(key));
    return true;
  }
}

type Parameters = Record<string, string | undefined>;

function serviceOf({ namespaceId = 'public', groupName = 'DEFAULT_GROUP', serviceName }: Parameters): string {
  return `${namespaceId} ${groupName}@@${serviceName}`;
}

function keyOf(parameters: Parameters): string {
  return `${serviceOf(parameters)} ${parameters.ip}:${parameters.port}`;
}

function forget(stored: Stored | undefined): void {
  clearTimeout(stored?.unhealthy);
  clearTimeout(stored?.gone);
}

function answer(response: ServerResponse, status: number, code: number, message: string, data: unknown = null): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ code, message, data }));
}
