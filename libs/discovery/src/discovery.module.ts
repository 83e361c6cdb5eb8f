import { Discovery } from '@app/resilience';
import { type DynamicModule, type FactoryProvider, Module } from '@nestjs/common';
import type { DiscoveryOptions } from './discovery.env.js';
import { DiscoveryHealth } from './discovery.health.js';
import { Registration } from './registration/registration.js';
import { ServiceDiscovery } from './service.discovery.js';

export interface DiscoveryModuleOptions {
  inject?: FactoryProvider['inject'];
  useFactory(...injected: never[]): DiscoveryOptions;
}

/** Lets every client of a service have an address that names a service instead of a host. Clients end their watches themselves. */
@Module({})
export class DiscoveryModule {
  static registerAsync({ inject = [], useFactory }: DiscoveryModuleOptions): DynamicModule {
    return {
      module: DiscoveryModule,
      global: true,
      providers: [
        {
          provide: Discovery,
          inject,
          useFactory: (...injected: never[]) => new ServiceDiscovery(useFactory(...injected)),
        },
        {
          provide: Registration,
          inject: [Discovery],
          useFactory: ({ registration }: ServiceDiscovery) => registration,
        },
        {
          provide: DiscoveryHealth,
          inject: [Discovery],
          useFactory: (discovery: ServiceDiscovery) => new DiscoveryHealth(discovery),
        },
      ],
      exports: [Discovery, Registration],
    };
  }
}
