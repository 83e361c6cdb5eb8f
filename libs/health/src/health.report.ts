import type { HealthCheckResult } from '@nestjs/terminus';
import type { HealthResult } from './checks/health-check.decorator.js';

/** What one check found. */
export interface Finding {
  check: string;
  result: HealthResult;
  durationMs?: number;
}

/** What a probe is answered with, in Terminus' form. */
export type HealthReport = HealthCheckResult;

const terminusStatus = { ok: 'up', degraded: 'degraded', error: 'down' } as const;

/** The worst of the findings, and each of them by its name. An allow-list: causes stay here. */
export function reportOf(findings: readonly Finding[]): HealthReport {
  const report: HealthReport = { status: 'ok', info: {}, error: {}, details: {} };
  for (const { check, result, durationMs } of findings) {
    const { status, reason } = result;
    if (status === 'error' || (status === 'degraded' && report.status === 'ok')) report.status = status;
    const detail = {
      status: terminusStatus[status],
      ...(reason && { reason }),
      ...(durationMs !== undefined && { responseTime: durationMs }),
    };
    Object.assign(report.details, { [check]: detail });
    Object.assign((status === 'error' ? report.error : report.info) ?? {}, { [check]: detail });
  }
  return report;
}
