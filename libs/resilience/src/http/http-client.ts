import axios, {
  type AxiosAdapter,
  type AxiosError,
  type AxiosInstance,
  type AxiosResponse,
  type InternalAxiosRequestConfig,
} from 'axios';
import { Bulkhead } from '../bulkhead/bulkhead.policy.js';
import { CircuitBreaker, type CircuitOutcome } from '../circuit-breaker/circuit-breaker.policy.js';
import type { MeetFault } from '../clients/resilience.clients.js';
import { deadlineHeader } from '../deadline/deadline.js';
import type { ResilienceEvents } from '../events/resilience.events.js';
import { type Balancer, type Discovery, goingHeader, type Instance } from '../instances/discovery.js';
import { serviceAddressOf, urlOfService } from '../instances/service.address.js';
import { type Call, runCall } from '../pipeline/call.js';
import { RetryRules } from '../retry/retry.rules.js';
import { outcomeOf } from './attempt.outcome.js';
import { retriesOf, retryWithAxios } from './axios-retry.driver.js';
import { type HttpClientOptions, httpClientOptions, type ResolvedHttpClientOptions } from './http-client.options.js';
import { HttpMethods, type HttpRequest, unknownOption } from './http-request.js';
import { UndiciTransport } from './undici.adapter.js';

/**
 * Says which attempt of a call this is, from the second on; telemetry makes `http.request.resend_count` of it.
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-envoy-attempt-count
 */
const attemptHeader = 'x-envoy-attempt-count';

/**
 * What a typed client calls out with: axios' own methods, made safe. Inject it into the class that {@link HttpClientModule} was given.
 *
 * The order, outermost first: total timeout, bulkhead, retry, circuit breaker, attempt timeout, transport. The first two wrap the call,
 * axios-retry repeats what is inside it, and the rest is the axios adapter, so that each attempt passes through it.
 */
export class HttpClient extends HttpMethods {
  /** Not `options`, which is axios' method for the HTTP method of that name. */
  readonly settings: ResolvedHttpClientOptions;
  readonly breaker?: CircuitBreaker;
  readonly bulkhead?: Bulkhead;
  readonly retry?: RetryRules;
  /** Where its address names a service with many instances. */
  readonly balancer?: Balancer;

  private readonly attempts: AxiosInstance;
  private readonly transport: UndiciTransport;
  private readonly address: { serverAddress: string; serverPort: number };
  /** Which call an attempt belongs to, by its signal. */
  private readonly calls = new WeakMap<object, Call>();

  /**
   * @param client name of the service, as metrics and errors show it: `payments`
   * @param hasFallback whether its callers can do without an answer; for health
   * @param discovery finds the instances where the address names a service instead of a host
   * @throws ZodError naming every option that is out of range
   * @throws Error for such an address without `discovery`
   */
  constructor(
    readonly client: string,
    options: HttpClientOptions,
    private readonly events?: ResilienceEvents,
    readonly hasFallback = false,
    discovery?: Discovery,
  ) {
    const resolved = httpClientOptions.parse(options);
    const service = serviceAddressOf(resolved.baseUrl);
    const baseUrl = service ? urlOfService(service, client) : new URL(resolved.baseUrl);
    const attempts = axios.create({ baseURL: baseUrl.href, headers: { accept: 'application/json' } });
    super();
    this.settings = resolved;
    this.attempts = attempts;
    this.interceptors = attempts.interceptors;
    this.defaults = attempts.defaults;
    this.transport = new UndiciTransport(resolved);
    attempts.defaults.adapter = this.attempt;

    if (service) {
      if (!discovery) throw new Error(`${client}: ${resolved.baseUrl} names a service, and there is nobody to find it`);
      this.balancer = discovery.balance(client, service);
      this.transport.choose = this.choose;
    }
    const { hostname, port, protocol } = baseUrl;
    this.address = { serverAddress: hostname, serverPort: Number(port) || (protocol === 'https:' ? 443 : 80) };
    if (resolved.bulkhead) this.bulkhead = new Bulkhead(client, resolved.bulkhead);
    if (resolved.circuitBreaker) this.breaker = new CircuitBreaker(client, resolved.circuitBreaker, events);
    if (resolved.retry) {
      this.retry = new RetryRules(resolved.retry);
      retryWithAxios(attempts, client, this.retry, (config) => this.dueAtOf(config), events);
    }
  }

  /** @throws TypeError for an option that is not one of {@link HttpRequest} */
  override request<T, R = AxiosResponse<T>, D = unknown>(
    urlOrRequest: string | HttpRequest<D>,
    request: HttpRequest<D> = {},
  ): Promise<R> {
    const asked = typeof urlOrRequest === 'string' ? { ...request, url: urlOrRequest } : urlOrRequest;
    const unknown = unknownOption(asked);
    if (unknown) return Promise.reject(new TypeError(`${unknown} is not an option of one request`));
    const { client, bulkhead, events, settings } = this;
    const callerSignal = asked.signal as AbortSignal | undefined;
    return runCall(
      { client, totalTimeoutMs: settings.totalTimeoutMs, bulkhead, callerSignal, events },
      async (call) => {
        this.retry?.budget.call();
        // Each attempt asks the breaker; while that refuses, axios would be asked in vain, and it costs.
        const refusal = this.breaker?.refusal;
        if (refusal) throw refusal;
        const { signal } = call;
        this.calls.set(signal, call);
        return this.attempts.request<T, AxiosResponse<T>, D>({ ...asked, signal }) as Promise<R>;
      },
    );
  }

  readonly injectFaults = (meet: MeetFault): void => {
    this.transport.meetFault = meet;
  };

  /** Waits for the requests under way and closes the connections. */
  close(): Promise<void> {
    this.balancer?.close();
    return this.transport.close();
  }

  private readonly attempt: AxiosAdapter = async (config) => {
    const permit = this.breaker?.acquire();
    const startedAt = performance.now();
    const { attemptTimeoutMs } = this.settings;
    const call = this.callOf(config);
    const timeLeftMs = Math.min(attemptTimeoutMs, (call?.dueAt ?? Infinity) - startedAt);
    config.headers.set(deadlineHeader, String(Math.max(1, Math.floor(timeLeftMs))));
    const retries = retriesOf(config);
    if (retries > 0) config.headers.set(attemptHeader, String(retries + 1));
    try {
      const response = await this.transport.adapter(config);
      const durationMs = performance.now() - startedAt;
      if (permit !== undefined) this.breaker?.record(permit, 'success', durationMs);
      this.tellBalancer(call, 'success', durationMs, response);
      this.tellAttempt(config.method, durationMs, response.status);
      return response;
    } catch (caught) {
      const error = caught as AxiosError;
      const now = performance.now();
      const durationMs = now - startedAt;
      // A service that was given less time than it may usually take, and says that it was too little, is not at fault.
      const cutShort = timeLeftMs < attemptTimeoutMs && error.response?.status === 504;
      const cut = error.code === 'ERR_CANCELED' ? call?.outcomeOfCut(durationMs, this.breaker) : undefined;
      const outcome = cutShort ? 'neutral' : (cut ?? outcomeOf(error));
      if (permit !== undefined) this.breaker?.record(permit, outcome, durationMs, now, error);
      this.tellBalancer(call, outcome, durationMs, error.response);
      this.tellAttempt(config.method, durationMs, error.response?.status, error.code);
      throw error;
    }
  };

  /** Within the attempt's timeout, because the first instances may still have to be found. */
  private readonly choose = async (config: InternalAxiosRequestConfig, signal: AbortSignal): Promise<Instance> => {
    const balancer = this.balancer as Balancer;
    const call = this.callOf(config) as Call;
    let instance = balancer.pick(call.previous);
    while (!instance) {
      await balancer.known(signal);
      instance = balancer.pick(call.previous);
    }
    call.instance = instance;
    return instance;
  };

  private tellBalancer(
    call: Call | undefined,
    outcome: CircuitOutcome,
    durationMs: number,
    response?: AxiosResponse,
  ): void {
    const instance = call?.instance;
    if (!instance) return;
    call.previous = instance;
    call.instance = undefined;
    this.balancer?.record(instance, outcome, durationMs);
    if (response?.headers[goingHeader] === 'true') this.balancer?.going(instance);
  }

  private dueAtOf(config: InternalAxiosRequestConfig): number {
    return this.callOf(config)?.dueAt ?? Infinity;
  }

  private callOf({ signal }: InternalAxiosRequestConfig): Call | undefined {
    return this.calls.get(signal as object);
  }

  private tellAttempt(method = 'get', durationMs: number, statusCode?: number, code?: string): void {
    const { client, address } = this;
    const outcome = statusCode === undefined ? { errorType: code ?? 'unknown' } : { statusCode };
    this.events?.emit({ type: 'attempt', client, method: method.toUpperCase(), ...address, durationMs, ...outcome });
  }
}
