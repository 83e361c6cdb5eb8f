import {
  type DynamicModule,
  type FactoryProvider,
  Module,
  type OnApplicationShutdown,
  Optional,
  type Type,
} from '@nestjs/common';
import { ResilienceClients } from '../clients/resilience.clients.js';
import { ResilienceEvents } from '../events/resilience.events.js';
import { Discovery } from '../instances/discovery.js';
import { HttpClient } from './http-client.js';
import type { HttpClientOptions } from './http-client.options.js';

export interface HttpClientModuleOptions {
  /** The typed client: a class that takes an {@link HttpClient} in its constructor. `PaymentsClient` is called `payments` in metrics. */
  client: Type;
  /** Whether its callers can do without an answer: then a service that fails makes this one degraded, not broken. @default false */
  hasFallback?: boolean;
  inject?: FactoryProvider['inject'];
  useFactory(...injected: never[]): HttpClientOptions;
}

/** Provides one typed client for one service. */
@Module({})
export class HttpClientModule implements OnApplicationShutdown {
  static registerAsync({ client, hasFallback, inject = [], useFactory }: HttpClientModuleOptions): DynamicModule {
    const http: FactoryProvider = {
      provide: HttpClient,
      inject: [{ token: ResilienceEvents, optional: true }, { token: Discovery, optional: true }, ...inject],
      useFactory: (events?: ResilienceEvents, discovery?: Discovery, ...injected: never[]) =>
        new HttpClient(clientName(client), useFactory(...injected), events, hasFallback, discovery),
    };
    return { module: HttpClientModule, providers: [http, client], exports: [client] };
  }

  constructor(
    private readonly http: HttpClient,
    @Optional() clients?: ResilienceClients,
  ) {
    clients?.set(http.client, http);
  }

  onApplicationShutdown(): Promise<void> {
    return this.http.close();
  }
}

function clientName(client: Type): string {
  return client.name
    .replace(/Client$/, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase();
}
