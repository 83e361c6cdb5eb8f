import { statfs } from 'node:fs/promises';
import { HealthCheck, type HealthResult } from '@app/health';

/** Postgres stops when its disk is full: this leaves time to make room. */
const leastFreeRatio = 0.05;

/** Whether there is room left where a PostgreSQL of our own keeps its data. A server elsewhere watches its own disk. */
@HealthCheck({ name: 'data-disk' })
export class DataDiskHealth {
  constructor(
    private readonly dataDir: string,
    private readonly leastFree = leastFreeRatio,
  ) {}

  async check(): Promise<HealthResult> {
    const { bavail, blocks } = await statfs(this.dataDir);
    return bavail / blocks < this.leastFree ? { status: 'degraded', reason: 'full' } : { status: 'ok' };
  }
}
