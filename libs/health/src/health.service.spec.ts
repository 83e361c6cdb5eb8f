import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { currentDeadline, ResilienceClients, ResilienceError } from '@app/resilience';
import { registry } from '@app/telemetry';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Global, Module, type Provider } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { HealthCheck, type HealthResult, healthReasons, type ObservedHealth } from './checks/health-check.decorator.js';
import { HealthModule } from './health.module.js';
import { HealthService } from './health.service.js';
import { heartbeats } from './workers/heartbeats.js';

const check = jest.fn<() => Promise<HealthResult>>();
const observed = jest.fn<() => ObservedHealth | undefined>();

@HealthCheck({ name: 'database', ready: true })
class DatabaseHealth {
  readonly check = check;
  readonly observed = observed;
}

@HealthCheck({ name: 'mail' })
abstract class Mailer {
  async check(): Promise<HealthResult> {
    return { status: 'degraded', reason: 'backlog' };
  }
}
class OurMailer extends Mailer {}

@Global()
@Module({ providers: [ResilienceClients], exports: [ResilienceClients] })
class ClientsModule {}

const options = { timeoutMs: 50, cacheMs: 1_000 };
const events = { status: 'up' };

describe('HealthService', () => {
  let module: TestingModule;
  let health: HealthService;

  async function open(providers: Provider[], given = options): Promise<void> {
    registry.clear();
    const imports = [ClientsModule, HealthModule.registerAsync({ useFactory: () => given })];
    module = await Test.createTestingModule({ imports, providers }).compile();
    health = module.get(HealthService);
  }

  beforeEach(async () => {
    check.mockReset().mockResolvedValue({ status: 'ok' });
    observed.mockReset();
    await open([DatabaseHealth, OurMailer]);
  });
  afterEach(() => module.close());

  it('finds the checks of all modules, those that a class inherits too, and tells the worst of what they find', async () => {
    expect(await health.deep()).toMatchObject({
      status: 'degraded',
      info: { database: { status: 'up' }, mail: { status: 'degraded', reason: 'backlog' }, 'event-loop': events },
      error: {},
    });
    check.mockResolvedValue({ status: 'error', reason: 'unreachable' });
    await open([DatabaseHealth, OurMailer]);
    expect(await health.deep()).toMatchObject({
      status: 'error',
      error: { database: { status: 'down', reason: 'unreachable', responseTime: expect.any(Number) } },
      details: { mail: { status: 'degraded' } },
    });
  });

  it('asks each check once for all who ask, and again when the result is old', async () => {
    await open([DatabaseHealth], { timeoutMs: 50, cacheMs: 60 });
    await Promise.all(Array.from({ length: 1_000 }, () => health.deep()));
    await health.deep();
    expect(check).toHaveBeenCalledTimes(1);
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 100);
    await health.deep();
    expect(check).toHaveBeenCalledTimes(2);
    jest.restoreAllMocks();
  });

  it('waits for no check longer than it may take, and gives it a deadline before that', async () => {
    let timeLeftMs = Infinity;
    check.mockImplementation(() => {
      timeLeftMs = currentDeadline()?.timeLeftMs ?? Infinity;
      return new Promise(() => undefined);
    });
    expect(await health.deep()).toMatchObject({ error: { database: { status: 'down', reason: 'timeout' } } });
    expect(timeLeftMs).toBeLessThan(options.timeoutMs);
  });

  it.each([
    [new Error('connect ECONNREFUSED app:s3cret@db'), 'failed'],
    [new ResilienceError({ code: 'unavailable', client: 'x' }), 'unreachable'],
    [new ResilienceError({ code: 'deadline_exceeded', client: 'x' }), 'timeout'],
    [new ResilienceError({ code: 'circuit_open', client: 'x' }), 'circuit_open'],
  ])('says why a check failed in a word, and never what its error says: %s', async (error, reason) => {
    check.mockRejectedValue(error);
    const report = await health.deep();
    expect(report.error).toMatchObject({ database: { reason } });
    expect(JSON.stringify(report)).not.toContain('s3cret');
  });

  it('is ready whatever degrades, and not while something fails that every request needs', async () => {
    expect(await health.ready()).toMatchObject({ status: 'ok', details: { database: { status: 'up' } } });
    check.mockResolvedValue({ status: 'degraded', reason: 'pool_full' });
    await open([DatabaseHealth, OurMailer]);
    expect((await health.ready()).status).toBe('degraded');
    check.mockResolvedValue({ status: 'error', reason: 'unreachable' });
    await open([DatabaseHealth, OurMailer]);
    expect((await health.ready()).status).toBe('error');
  });

  it('judges readiness by recent use, and asks only where there was none', async () => {
    observed.mockReturnValue({ at: performance.now(), status: 'error', reason: 'unreachable' });
    expect(await health.ready()).toMatchObject({ status: 'error', error: { database: { reason: 'unreachable' } } });
    expect(check).not.toHaveBeenCalled();
    observed.mockReturnValue({ at: performance.now() - options.cacheMs - 1, status: 'error', reason: 'unreachable' });
    expect((await health.ready()).status).toBe('ok');
  });

  it('is alive as long as its workers show themselves, whatever the rest finds', async () => {
    check.mockResolvedValue({ status: 'error', reason: 'unreachable' });
    expect(health.live()).toMatchObject({ status: 'ok', details: {} });
    const frozen = heartbeats.register('frozen', { maxSilenceMs: -1 });
    expect(health.live()).toMatchObject({
      status: 'error',
      error: { 'frozen-worker': { status: 'down', reason: 'silent' } },
    });
    frozen.end();
  });

  it('is a metric too, fresh at each scrape', async () => {
    check.mockResolvedValue({ status: 'error', reason: 'unreachable' });
    const metrics = await registry.metrics();
    expect(metrics).toContain('health_check_status{check="database"} 0\n');
    expect(metrics).toContain('health_check_status{check="mail"} 0.5\n');
    expect(metrics).toContain('health_check_status{check="event-loop"} 1\n');
    expect(metrics).toMatch(/health_check_duration_seconds\{check="database"\} \d/);
  });

  it('does not take two checks of one name', async () => {
    @HealthCheck({ name: 'database' })
    class Other {
      check = check;
    }
    await open([DatabaseHealth, Other]);
    await expect(health.deep()).rejects.toThrow('Two health checks are called database.');
  });
});

describe('the reasons', () => {
  it('are those of the README', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const [, table = ''] = readme.split('## Reasons');
    const told = [...table.split('## Metrics', 1)[0]!.matchAll(/^\| `(\w+)` +\| (.*?) +\|$/gm)].map(
      ([, reason, meaning]) => [reason, meaning],
    );
    expect(Object.fromEntries(told)).toEqual(healthReasons);
  });
});
