import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { HealthCheck, type HealthResult } from './health-check.decorator.js';

/** Later than this, every request feels it. */
const slowMs = 500;

/** Whether something held the event loop since the last check. It never makes a service worse than degraded. */
@HealthCheck({ name: 'event-loop' })
export class EventLoopHealth implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly delay = monitorEventLoopDelay({ resolution: 20 });

  /** Not before: wiring a service holds it too. */
  onApplicationBootstrap(): void {
    this.delay.enable();
  }

  check(): HealthResult {
    const slow = this.delay.max > slowMs * 1e6;
    this.delay.reset();
    return slow ? { status: 'degraded', reason: 'slow_event_loop' } : { status: 'ok' };
  }

  onModuleDestroy(): void {
    this.delay.disable();
  }
}
