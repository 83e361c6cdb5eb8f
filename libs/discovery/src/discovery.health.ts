import { HealthCheck, type HealthResult } from '@app/health';
import type { ServiceDiscovery } from './service.discovery.js';

/** Whether the instances of all services, and this one, can be found. While they cannot, those known before are called: degraded, never down. */
@HealthCheck({ name: 'discovery' })
export class DiscoveryHealth {
  constructor(private readonly discovery: ServiceDiscovery) {}

  check(): HealthResult {
    for (const { failing } of [...this.discovery.services, this.discovery.registration])
      if (failing) return { status: 'degraded', reason: failing };
    return { status: 'ok' };
  }
}
