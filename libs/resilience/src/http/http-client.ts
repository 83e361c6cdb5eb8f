import axios, { Axios, type AxiosResponse } from 'axios';
import type { ResilienceEvents } from '../events/resilience.events.js';
import { type HttpClientOptions, httpClientOptions } from './http-client.options.js';
import { UndiciTransport } from './undici.adapter.js';

/** What a typed client calls out with: axios' own methods, bounded. Inject it into the class that {@link HttpClientModule} was given. */
export abstract class HttpClient extends Axios {
  /** Waits for the requests under way and closes the connections. */
  abstract close(): Promise<void>;
}

/**
 * Makes the client for one service.
 *
 * @param name of the service, as metrics and errors show it: `payments`
 * @throws ZodError naming every option that is out of range
 */
export function createHttpClient(name: string, options: HttpClientOptions, events?: ResilienceEvents): HttpClient {
  const resolved = httpClientOptions.parse(options);
  const transport = new UndiciTransport(resolved);
  const { hostname, port, protocol } = new URL(resolved.baseUrl);
  const serverPort = Number(port) || (protocol === 'https:' ? 443 : 80);

  const instance = axios.create({
    baseURL: resolved.baseUrl,
    headers: { accept: 'application/json' },
    adapter: async (config) => {
      const startedAt = performance.now();
      const tell = (outcome: { statusCode?: number; errorType?: string }) =>
        events?.emit({
          type: 'attempt',
          client: name,
          method: config.method?.toUpperCase() ?? 'GET',
          serverAddress: hostname,
          serverPort,
          durationMs: performance.now() - startedAt,
          ...outcome,
        });
      try {
        const response = await transport.adapter(config);
        tell({ statusCode: response.status });
        return response;
      } catch (error) {
        const { response, code } = error as { response?: AxiosResponse; code?: string };
        tell(response ? { statusCode: response.status } : { errorType: code ?? 'unknown' });
        throw error;
      }
    },
  });
  return Object.assign(instance, { close: () => transport.close() }) as unknown as HttpClient;
}
