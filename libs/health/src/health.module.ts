import { ResilienceClients } from '@app/resilience';
import { type DynamicModule, type FactoryProvider, Module } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import { EventLoopHealth } from './checks/event-loop.health.js';
import { type HealthOptions, HealthService } from './health.service.js';

export interface HealthModuleOptions {
  inject?: FactoryProvider['inject'];
  useFactory(...injected: never[]): HealthOptions;
}

/** Provides {@link HealthService}, which finds the checks of all modules by itself. Wants {@link ResilienceClients} from elsewhere. */
@Module({})
export class HealthModule {
  static registerAsync({ inject = [], useFactory }: HealthModuleOptions): DynamicModule {
    return {
      module: HealthModule,
      imports: [DiscoveryModule, TerminusModule.forRoot({ logger: false })],
      providers: [
        EventLoopHealth,
        {
          provide: HealthService,
          inject: [DiscoveryService, HealthIndicatorService, ResilienceClients, ...inject],
          useFactory: (
            discovery: DiscoveryService,
            terminus: HealthIndicatorService,
            clients: ResilienceClients,
            ...injected: never[]
          ) => new HealthService(useFactory(...injected), discovery, terminus, clients),
        },
      ],
      exports: [HealthService],
    };
  }
}
