import { logger } from '@app/telemetry';
import type { SourceOptions } from '../discovery.env.js';
import { parse, type Question, RegistryClient } from './registry.client.js';
import { SourceFailure } from './source.failure.js';
import { type Source, unknownOptions } from './source.js';

/** Of Nacos 3, and of what came before. */
export type NacosVersion = 'v3' | 'v2';
/** A question in the words of one version. */
export interface NacosQuestion {
  method: NonNullable<Question['method']>;
  path: string;
  parameters: Record<string, string>;
}

const logins: Record<NacosVersion, string> = { v3: '/v3/auth/user/login', v2: '/v1/auth/login' };
/** Of the envelope of all answers, and of a heartbeat before Nacos 3. */
const fine = [0, 10_200];

/**
 * Asks Nacos, as a user where there is one, in the words of its version: those of 3 are tried first.
 *
 * @see https://nacos.io/en/docs/v3.0/manual/user/open-api
 * @see https://nacos.io/en/docs/v2/guide/user/open-api
 */
export class NacosClient {
  private readonly http: RegistryClient;
  private version: NacosVersion | undefined;
  private token: string | undefined;
  private readonly log = logger.child({ context: 'Discovery' });

  constructor(private readonly options: Pick<SourceOptions, 'timeoutMs' | 'nacos'>) {
    this.http = new RegistryClient('Nacos', options.nacos.url);
    this.token = options.nacos.token;
  }

  /** @returns the `data` of its answer. @throws SourceFailure as {@link RegistryClient.ask}, and for what it refuses */
  async ask(signal: AbortSignal, questionOf: (version: NacosVersion) => NacosQuestion): Promise<unknown> {
    const ask = (version: NacosVersion) => this.askAsUser(version, questionOf(version), signal);
    try {
      const data = await ask(this.version ?? 'v3');
      this.version ??= 'v3';
      return data;
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
      const { version } = this;
      // It may be upgraded while we run.
      this.version = undefined;
      if (version) throw error;
    }
    const data = await ask('v2');
    this.version = 'v2';
    this.log.info({ version: 'v2' }, 'this Nacos does not know the API of Nacos 3: it is asked as Nacos 2');
    return data;
  }

  close(): void {
    this.http.close();
  }

  /** A token that is taken no longer is replaced, once. */
  private async askAsUser(version: NacosVersion, question: NacosQuestion, signal: AbortSignal): Promise<unknown> {
    const { username } = this.options.nacos;
    const fresh = username !== undefined && this.token === undefined;
    if (fresh) await this.login(version, signal);
    try {
      return await this.send(question, signal);
    } catch (error) {
      if (fresh || username === undefined || ![401, 403].includes(statusOf(error) ?? 0)) throw error;
      await this.login(version, signal);
      return this.send(question, signal);
    }
  }

  private async login(version: NacosVersion, signal: AbortSignal): Promise<void> {
    const { username = '', password = '' } = this.options.nacos;
    this.token = undefined;
    const answer = await this.post(
      { method: 'POST', path: logins[version], parameters: { username, password } },
      signal,
    );
    const { accessToken } = parse(answer) as { accessToken?: string };
    if (!accessToken) throw new SourceFailure('refused', 'Nacos gave no token');
    this.token = accessToken;
  }

  private async send(question: NacosQuestion, signal: AbortSignal): Promise<unknown> {
    const { code, data } = parse(await this.post(question, signal)) as { code?: number; data?: unknown };
    if (code === undefined || !fine.includes(code))
      throw new SourceFailure('failed', `Nacos answered with code ${code}`);
    return data;
  }

  private async post({ method, path, parameters }: NacosQuestion, signal: AbortSignal): Promise<string> {
    const { token } = this;
    const form = new URLSearchParams(parameters).toString();
    const inBody = method === 'POST' || method === 'PUT';
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(inBody && { 'content-type': 'application/x-www-form-urlencoded' }),
    };
    const { text } = await this.http.ask(inBody ? path : `${path}?${form}`, {
      method,
      headers,
      signal,
      timeoutMs: this.options.timeoutMs,
      ...(inBody && { body: form }),
    });
    return text;
  }
}

/** What is wrong with an address of Nacos, whoever uses it. */
export function checkNacos(
  { nacos }: Pick<SourceOptions, 'nacos'>,
  { authority, options }: Parameters<Source['check']>[0],
): string | undefined {
  const problem = unknownOptions('nacos', options, ['namespace', 'group', 'cluster']);
  if (problem) return problem;
  if ((nacos.username === undefined) !== (nacos.password === undefined))
    return 'nacos: DISCOVERY_NACOS_USERNAME and DISCOVERY_NACOS_PASSWORD are set together, or neither';
  const right = /^[\w.:-]+$/.test(authority);
  return right
    ? undefined
    : 'nacos: needs a service, such as nacos:http://payments or nacos:http://payments?group=shop';
}

/** Which service, in Nacos' words. */
export function nacosService(authority: string, options: URLSearchParams): Record<string, string> {
  const cluster = options.get('cluster');
  return {
    namespaceId: options.get('namespace') ?? 'public',
    groupName: options.get('group') ?? 'DEFAULT_GROUP',
    serviceName: authority,
    ...(cluster && { clusterName: cluster }),
  };
}

function statusOf(error: unknown): number | undefined {
  return ((error as Error).cause as { status?: number } | undefined)?.status;
}
