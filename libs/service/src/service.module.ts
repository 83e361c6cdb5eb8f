import { DiscoveryModule } from '@app/discovery';
import { HealthModule } from '@app/health';
import { ResilienceClients, ResilienceEvents } from '@app/resilience';
import { logger } from '@app/telemetry';
import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { LoggerModule } from 'nestjs-pino';
import type { ConfigDefinition } from './config/define-config.js';
import type { ServiceConfig } from './config/service.env.js';
import { Lifecycle } from './lifecycle/lifecycle.js';
import { ProblemFilter } from './problems/problem.filter.js';
import { validationPipe } from './problems/validation.js';
import { ResilienceTelemetry } from './telemetry/resilience.telemetry.js';

export interface ServiceOptions {
  /** Everything that the service reads from the environment; its `service` section is {@link serviceEnv}. */
  config: ConfigDefinition<{ service: ServiceConfig }>;
  /**
   * Whether what callers say in `traceparent` is believed. For services that only your own services call.
   * @default false
   */
  trustInboundHeaders?: boolean;
}

const optionsOfModule = new WeakMap<object, ServiceOptions>();

/** What makes a Nest application a service of the house: configuration, logs, metrics, problem documents, validation. */
@Module({})
export class ServiceModule {
  static forRoot(options: ServiceOptions): DynamicModule {
    const { config } = options;
    const module: DynamicModule = {
      module: ServiceModule,
      global: true,
      // Requests are logged by the telemetry hook, so pino-http's middleware is bound to no route. Its own serializers would replace
      // the logger's, and write whole requests with their credentials.
      imports: [
        DiscoveryModule.registerAsync({
          inject: [config.KEY],
          useFactory: ({ service }: { service: ServiceConfig }) => service.discovery,
        }),
        LoggerModule.forRoot({ pinoHttp: { logger, wrapSerializers: false }, forRoutes: [] }),
        HealthModule.registerAsync({
          inject: [config.KEY],
          useFactory: ({ service }: { service: ServiceConfig }) => service.health,
        }),
      ],
      providers: [
        Lifecycle,
        ResilienceClients,
        { provide: config.KEY, useFactory: () => config.parse() },
        { provide: ResilienceEvents, useClass: ResilienceTelemetry },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_PIPE, useValue: validationPipe },
      ],
      exports: [Lifecycle, ResilienceClients, config.KEY, ResilienceEvents],
    };
    optionsOfModule.set(module, options);
    return module;
  }

  /**
   * The options that an application's module gives to `ServiceModule.forRoot`.
   * @throws Error when it does not import ServiceModule
   */
  static optionsOf(appModule: Type): ServiceOptions {
    const imports: object[] = Reflect.getMetadata('imports', appModule) ?? [];
    const options = imports.map((module) => optionsOfModule.get(module)).find(Boolean);
    if (!options) throw new Error(`${appModule.name} must import ServiceModule.forRoot({ config })`);
    return options;
  }
}
