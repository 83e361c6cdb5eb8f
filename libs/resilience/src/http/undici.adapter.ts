import { createRequire } from 'node:module';
import axios, {
  type AxiosAdapter,
  AxiosError,
  AxiosHeaders,
  type AxiosResponse,
  type InternalAxiosRequestConfig,
} from 'axios';
import type { Dispatcher, Agent as UndiciAgent } from 'undici';
import type { MeetFault } from '../clients/resilience.clients.js';
import type { Instance } from '../instances/discovery.js';
import { timers } from '../timers/timer-queue.js';
import type { ResolvedHttpClientOptions } from './http-client.options.js';

// Of undici only this: its index also loads fetch, WebSocket and more, which costs every process 60 ms and 10 MB.
const require = createRequire(import.meta.url);
const Agent: typeof UndiciAgent = require('undici/lib/dispatcher/agent.js');
const request: Dispatcher['request'] = require('undici/lib/api/api-request.js');

/** undici's codes in the words of axios and Node. */
const codes: Record<string, string> = {
  UND_ERR_CONNECT_TIMEOUT: AxiosError.ETIMEDOUT,
  UND_ERR_RES_EXCEEDED_MAX_SIZE: AxiosError.ERR_BAD_RESPONSE,
  UND_ERR_SOCKET: 'ECONNRESET',
};

/**
 * undici under axios: keep-alive connections of its own, a timeout for each attempt, size limits, and axios' errors.
 * It does not follow redirects (an API that redirects is misconfigured), stream, or report progress.
 */
export class UndiciTransport {
  /** Asked before each request, where there is one. */
  meetFault: MeetFault | undefined;
  /** Says where each request goes; without it, to the host of its address. */
  choose: ((config: InternalAxiosRequestConfig, signal: AbortSignal) => Promise<Instance>) | undefined;
  private readonly agent: UndiciAgent;

  constructor(private readonly options: ResolvedHttpClientOptions) {
    this.agent = new Agent({
      connections: options.maxConnections,
      connect: { timeout: options.connectTimeoutMs },
      maxResponseSize: options.maxResponseBytes,
      // The attempt's own timeout bounds both; undici's timers tick only once a second.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  readonly adapter: AxiosAdapter = async (config) => {
    const url = urlOf(config);
    const body = config.data as string | Buffer | undefined;
    if (body && Buffer.byteLength(body) > this.options.maxRequestBytes) {
      throw new AxiosError('Request body larger than maxRequestBytes', AxiosError.ERR_BAD_REQUEST, config);
    }

    const ending = new AbortController();
    let timedOut = false;
    let giveUp: ((reason: unknown) => void) | undefined;
    const end = () => {
      ending.abort();
      giveUp?.(ending.signal.reason);
    };
    const timer = timers.add(performance.now() + this.options.attemptTimeoutMs, () => {
      timedOut = true;
      end();
    });
    if (config.signal?.aborted) end();
    config.signal?.addEventListener?.('abort', end);
    try {
      const status = this.meetFault && (await this.meetFault(ending.signal));
      if (status) return settle(config, { data: '', status, statusText: '', headers: new AxiosHeaders(), config });
      const instance = this.choose && (await this.choose(config, ending.signal));
      const headers = headersOf(config);
      if (instance?.name) headers.host = instance.name;
      const response = await new Promise<Dispatcher.ResponseData<unknown>>((resolve, reject) => {
        // A request in line for a connection would hear of its end when it has got one.
        giveUp = reject;
        request
          .call(this.agent, {
            origin: instance?.origin ?? url.origin,
            path: url.pathname + url.search,
            method: config.method?.toUpperCase() as Dispatcher.HttpMethod,
            headers,
            body: body ?? null,
            signal: ending.signal,
          })
          .then(resolve, reject);
      });
      const data =
        config.responseType === 'arraybuffer' ? await response.body.arrayBuffer() : await response.body.text();
      return settle(config, {
        data,
        status: response.statusCode,
        statusText: '',
        // undici's names are in lower case and its values clean; axios would go through all of them for each one.
        headers: Object.assign(new AxiosHeaders(), response.headers),
        config,
      });
    } catch (error) {
      if (error instanceof AxiosError) throw error;
      throw toAxiosError(error, config, timedOut);
    } finally {
      timers.cancel(timer);
      config.signal?.removeEventListener?.('abort', end);
    }
  };

  /** Ends the idle connections and waits for the busy ones. */
  close(): Promise<void> {
    return this.agent.close();
  }
}

/** `..` written out or escaped: what stands for one segment in a template, such as an id, must not become another path. */
const dotSegment = /(^|\/)(\.|%2e){1,2}(\/|$)/i;

/**
 * Always below the base address: neither a path that looks like an address of its own nor one with `..` can lead elsewhere.
 * @throws AxiosError `ERR_INVALID_URL` when it would
 */
function urlOf(config: InternalAxiosRequestConfig): URL {
  const { baseURL = '', url = '', params, paramsSerializer } = config;
  const base = new URL(baseURL.replace(/\/?$/, '/'));
  const path = params ? axios.getUri({ url, params, paramsSerializer }) : url;
  const target = new URL(base.href + path.replace(/^\//, ''));
  if (!dotSegment.test(path.split('?', 1)[0] ?? '') && target.href.startsWith(base.href)) return target;
  throw new AxiosError('The path leads out of the base address', AxiosError.ERR_INVALID_URL, config);
}

/** As axios means them: what is null or false is not sent. Its own `toJSON` is slow. */
function headersOf({ headers }: InternalAxiosRequestConfig): Record<string, string> {
  const sent: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== null && value !== undefined && value !== false) sent[name] = value as string;
  }
  return sent;
}

function settle(config: InternalAxiosRequestConfig, response: AxiosResponse): AxiosResponse {
  if (!config.validateStatus || config.validateStatus(response.status)) return response;
  const code = response.status < 500 ? AxiosError.ERR_BAD_REQUEST : AxiosError.ERR_BAD_RESPONSE;
  throw new AxiosError(`Request failed with status code ${response.status}`, code, config, undefined, response);
}

function toAxiosError(error: unknown, config: InternalAxiosRequestConfig, timedOut: boolean): AxiosError {
  const cause = error as NodeJS.ErrnoException;
  const code = timedOut ? AxiosError.ETIMEDOUT : config.signal?.aborted ? AxiosError.ERR_CANCELED : codeOf(cause.code);
  const wrapped = new AxiosError(timedOut ? 'The attempt timed out' : cause.message || code, code, config);
  wrapped.cause = cause;
  return wrapped;
}

function codeOf(code: string = AxiosError.ERR_NETWORK): string {
  return codes[code] ?? code;
}
