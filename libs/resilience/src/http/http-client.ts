import axios, {
  Axios,
  type AxiosAdapter,
  type AxiosError,
  type AxiosInstance,
  type AxiosRequestConfig,
  type AxiosResponse,
  type InternalAxiosRequestConfig,
} from 'axios';
import { Bulkhead } from '../bulkhead/bulkhead.policy.js';
import { CircuitBreaker } from '../circuit-breaker/circuit-breaker.policy.js';
import { currentDeadline, deadlineHeader } from '../deadline/deadline.js';
import { isResilienceError, ResilienceError } from '../errors/resilience.error.js';
import type { ResilienceEvents } from '../events/resilience.events.js';
import { RetryRules } from '../retry/retry.rules.js';
import { timers } from '../timers/timer-queue.js';
import { outcomeOf } from './attempt.outcome.js';
import { retryWithAxios } from './axios-retry.driver.js';
import { type HttpClientOptions, httpClientOptions, type ResolvedHttpClientOptions } from './http-client.options.js';
import { UndiciTransport } from './undici.adapter.js';

/**
 * What a typed client calls out with: axios' own methods, made safe. Inject it into the class that {@link HttpClientModule} was given.
 *
 * The order, outermost first: total timeout, bulkhead, retry, circuit breaker, attempt timeout, transport. The first two wrap the call,
 * axios-retry repeats what is inside it, and the rest is the axios adapter, so that each attempt passes through it.
 */
export class HttpClient extends Axios {
  /** Not `options`, which is axios' method for the HTTP method of that name. */
  readonly settings: ResolvedHttpClientOptions;
  readonly breaker?: CircuitBreaker;
  readonly bulkhead?: Bulkhead;
  readonly retry?: RetryRules;

  private readonly attempts: AxiosInstance;
  private readonly transport: UndiciTransport;
  private readonly address: { serverAddress: string; serverPort: number };
  /** When each call's time is over, by its signal. */
  private readonly dueAt = new WeakMap<object, number>();

  /**
   * @param client name of the service, as metrics and errors show it: `payments`
   * @throws ZodError naming every option that is out of range
   */
  constructor(
    readonly client: string,
    options: HttpClientOptions,
    private readonly events?: ResilienceEvents,
  ) {
    const resolved = httpClientOptions.parse(options);
    const attempts = axios.create({ baseURL: resolved.baseUrl, headers: { accept: 'application/json' } });
    super();
    this.settings = resolved;
    this.attempts = attempts;
    this.interceptors = attempts.interceptors;
    this.transport = new UndiciTransport(resolved);
    attempts.defaults.adapter = this.attempt;

    const { hostname, port, protocol } = new URL(resolved.baseUrl);
    this.address = { serverAddress: hostname, serverPort: Number(port) || (protocol === 'https:' ? 443 : 80) };
    if (resolved.bulkhead) this.bulkhead = new Bulkhead(client, resolved.bulkhead);
    if (resolved.circuitBreaker) this.breaker = new CircuitBreaker(client, resolved.circuitBreaker, events);
    if (resolved.retry) {
      this.retry = new RetryRules(resolved.retry);
      retryWithAxios(attempts, client, this.retry, (config) => this.dueAtOf(config), events);
    }
  }

  override async request<T, R = AxiosResponse<T>, D = unknown>(
    configOrUrl: string | AxiosRequestConfig<D>,
    config: AxiosRequestConfig<D> = {},
  ): Promise<R> {
    const asked = typeof configOrUrl === 'string' ? { ...config, url: configOrUrl } : configOrUrl;
    const startedAt = performance.now();
    const request = currentDeadline();
    const dueAt = Math.min(startedAt + this.settings.totalTimeoutMs, request?.dueAt ?? Infinity);
    if (dueAt <= startedAt) throw this.error('deadline_exceeded');
    const ending = new AbortController();
    const { signal } = ending;
    const timer = timers.add(dueAt, () => ending.abort(this.error('deadline_exceeded')));
    const caller = asked.signal;
    const cancel = () => ending.abort(this.error('cancelled', (caller as AbortSignal).reason));
    if (caller?.aborted) cancel();
    caller?.addEventListener?.('abort', cancel);
    // Its time is in dueAt already; this is for a client that goes away.
    const abandon = () => ending.abort(request?.signal.reason);
    if (request?.signal.aborted) abandon();
    request?.signal.addEventListener('abort', abandon);
    this.dueAt.set(signal, dueAt);
    this.retry?.budget.call();

    try {
      const attempts = () => this.attempts.request<T, AxiosResponse<T>, D>({ ...asked, signal }) as Promise<R>;
      const response = this.bulkhead ? await this.bulkhead.execute(attempts, signal) : await attempts();
      this.tell('success', startedAt);
      return response;
    } catch (error) {
      // Whatever axios makes of an abort, its reason says what happened.
      const thrown = signal.aborted ? signal.reason : error;
      this.tell(isResilienceError(thrown) ? thrown.code : 'failure', startedAt);
      throw thrown;
    } finally {
      timers.cancel(timer);
      caller?.removeEventListener?.('abort', cancel);
      request?.signal.removeEventListener('abort', abandon);
    }
  }

  /** Waits for the requests under way and closes the connections. */
  close(): Promise<void> {
    return this.transport.close();
  }

  private readonly attempt: AxiosAdapter = async (config) => {
    const permit = this.breaker?.acquire();
    const startedAt = performance.now();
    const { attemptTimeoutMs } = this.settings;
    const timeLeftMs = Math.min(attemptTimeoutMs, this.dueAtOf(config) - startedAt);
    config.headers.set(deadlineHeader, String(Math.max(1, Math.floor(timeLeftMs))));
    try {
      const response = await this.transport.adapter(config);
      const durationMs = performance.now() - startedAt;
      if (permit !== undefined) this.breaker?.record(permit, 'success', durationMs);
      this.tellAttempt(config.method, durationMs, response.status);
      return response;
    } catch (caught) {
      const error = caught as AxiosError;
      const durationMs = performance.now() - startedAt;
      // A service that was given less time than it may usually take, and says that it was too little, is not at fault.
      const cutShort = timeLeftMs < attemptTimeoutMs && error.response?.status === 504;
      if (permit !== undefined) this.breaker?.record(permit, cutShort ? 'neutral' : outcomeOf(error), durationMs);
      this.tellAttempt(config.method, durationMs, error.response?.status, error.code);
      throw error;
    }
  };

  private dueAtOf({ signal }: InternalAxiosRequestConfig): number {
    return this.dueAt.get(signal as object) ?? Infinity;
  }

  private tellAttempt(method = 'get', durationMs: number, statusCode?: number, code?: string): void {
    const { client, address } = this;
    const outcome = statusCode === undefined ? { errorType: code ?? 'unknown' } : { statusCode };
    this.events?.emit({ type: 'attempt', client, method: method.toUpperCase(), ...address, durationMs, ...outcome });
  }

  private tell(outcome: string, startedAt: number): void {
    this.events?.emit({ type: 'call', client: this.client, outcome, durationMs: performance.now() - startedAt });
  }

  private error(code: 'deadline_exceeded' | 'cancelled', cause?: unknown): ResilienceError {
    return new ResilienceError({ code, client: this.client, cause });
  }
}
