import { Deadline, isResilienceError, type ResilienceClients, runWithDeadline } from '@app/resilience';
import { catalogue, gauge, logger } from '@app/telemetry';
import type { OnModuleDestroy } from '@nestjs/common';
import type { DiscoveryService } from '@nestjs/core';
import type { HealthIndicatorService } from '@nestjs/terminus';
import { circuitHealth } from './checks/circuit.health.js';
import {
  type HealthCheckOptions,
  type HealthIndicator,
  type HealthReason,
  type HealthResult,
  healthCheckOf,
} from './checks/health-check.decorator.js';
import { type Finding, type HealthReport, reportOf } from './health.report.js';
import { heartbeats } from './workers/heartbeats.js';

export interface HealthOptions {
  /** How long one check may take. */
  timeoutMs: number;
  /** How long its result holds, for everybody who asks. */
  cacheMs: number;
}

interface Check extends HealthCheckOptions {
  indicator: HealthIndicator;
}

/** What Terminus says of a check; without a result where it timed out. */
interface Answer {
  result?: HealthResult;
  responseTime: number;
  cachedResponse?: boolean;
}

const late: HealthResult = { status: 'error', reason: 'timeout' };
const values = { ok: 1, degraded: 0.5, error: 0 } as const;
const logLevels = { ok: 'info', degraded: 'warn', error: 'error' } as const;

/** A check that ends in time can say why it is late. Terminus' own timeout is for those that hang, and knows nothing more. */
const deadlineShare = 0.9;

/**
 * Answers how the service is. Each check runs at most once for each cache period, however many ask, and its result is a metric too. A
 * change is told in the log, a probe never.
 */
export class HealthService implements OnModuleDestroy {
  private found?: Check[];
  private ended = false;
  private readonly last = new Map<string, string>();
  private readonly log = logger.child({ context: 'Health' });
  private readonly statuses;
  private readonly durations;

  constructor(
    private readonly options: HealthOptions,
    private readonly discovery: DiscoveryService,
    private readonly terminus: HealthIndicatorService,
    private readonly clients: ResilienceClients,
  ) {
    const refresh = async () => {
      if (!this.ended) await this.deep();
    };
    this.statuses = gauge(catalogue.healthCheckStatus, refresh);
    this.durations = gauge(catalogue.healthCheckDuration, refresh);
  }

  /** What is closed from here on is no failure. */
  onModuleDestroy(): void {
    this.ended = true;
  }

  /** Whether the process can still do its work: that it answers, and that its workers show themselves. */
  live(): HealthReport {
    return reportOf(this.workers());
  }

  /** Whether requests can be served: by the outcome of the last real use of what they need, and by a check where nobody used it. */
  async ready(): Promise<HealthReport> {
    const needed = this.checks().filter(({ ready }) => ready);
    return reportOf(await Promise.all(needed.map((check) => this.recent(check) ?? this.look(check))));
  }

  /** Everything. */
  async deep(): Promise<HealthReport> {
    const looked = await Promise.all(this.checks().map((check) => this.look(check)));
    return reportOf([...looked, ...this.workers(), ...this.circuits()]);
  }

  private checks(): Check[] {
    this.found ??= discover(this.discovery);
    return this.found;
  }

  private recent({ name, indicator }: Check): Finding | undefined {
    const observed = indicator.observed?.();
    if (!observed || performance.now() - observed.at > this.options.cacheMs) return undefined;
    return { check: name, result: observed };
  }

  private async look({ name, indicator }: Check): Promise<Finding> {
    const { timeoutMs, cacheMs } = this.options;
    const answer = await this.terminus
      .check(name)
      .attempt(async () => ({ result: await this.run(indicator) }))
      .withTimeout(timeoutMs)
      .cacheFor(cacheMs);
    const { result = late, responseTime, cachedResponse } = answer[name] as unknown as Answer;
    const finding = { check: name, result, durationMs: responseTime };
    return cachedResponse ? finding : this.tell(finding);
  }

  private async run(indicator: HealthIndicator): Promise<HealthResult> {
    const deadline = new Deadline(this.options.timeoutMs * deadlineShare, 'health');
    try {
      return await runWithDeadline(deadline, async () => indicator.check());
    } catch (cause) {
      return { status: 'error', reason: reasonOf(cause), cause };
    } finally {
      deadline.end();
    }
  }

  private workers(): Finding[] {
    return heartbeats.states().map(({ name, silent }) => {
      const result: HealthResult = silent ? { status: 'error', reason: 'silent' } : { status: 'ok' };
      return this.tell({ check: `${name}-worker`, result });
    });
  }

  private circuits(): Finding[] {
    return [...this.clients].flatMap(([name, client]) => {
      const result = circuitHealth(client);
      return result ? [this.tell({ check: name, result })] : [];
    });
  }

  private tell(finding: Finding): Finding {
    const { check, result, durationMs } = finding;
    const { status, reason, cause } = result;
    this.statuses.set({ check }, values[status]);
    if (durationMs !== undefined) this.durations.set({ check }, durationMs / 1_000);
    const state = [status, reason].filter(Boolean).join(', ');
    if (state !== (this.last.get(check) ?? 'ok')) {
      const { mend } = (cause ?? {}) as { mend?: string };
      this.log[logLevels[status]]({ check, status, reason, err: cause, mend }, `${check}: ${state}`);
    }
    this.last.set(check, state);
    return finding;
  }
}

/** @throws Error when two checks have one name */
function discover(discovery: DiscoveryService): Check[] {
  const checks = new Map<string, Check>();
  for (const { instance } of discovery.getProviders()) {
    const options = healthCheckOf(instance);
    if (!options) continue;
    if ((checks.get(options.name)?.indicator ?? instance) !== instance)
      throw new Error(`Two health checks are called ${options.name}.`);
    checks.set(options.name, { ...options, indicator: instance });
  }
  return [...checks.values()];
}

function reasonOf(error: unknown): HealthReason {
  if (isResilienceError(error, 'circuit_open')) return 'circuit_open';
  if (isResilienceError(error, 'unavailable')) return 'unreachable';
  return isResilienceError(error) ? 'timeout' : 'failed';
}
