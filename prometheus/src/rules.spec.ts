import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { isInstalled } from '@app/testing';
import { afterAll, describe, expect, it } from '@jest/globals';
import { alerts } from './alerts.js';
import { metric } from './metrics.js';
import { loadServices, type Service } from './services.js';

const run = promisify(execFile);
const folder = resolve(import.meta.dirname, '..');
const withPromtool = isInstalled('promtool') ? describe : describe.skip;
const services = await loadServices();
const named = alerts(services.map(({ name }) => name));

/** Six hours, in steps of a minute, of nothing wrong; then the trouble; then all is well again. */
const healthy = 360;
/** Any service will do that promises how long it takes. */
const { name: job, objectives } = services.find((service) => service.objectives?.latencyMs) as Service;
const latencySeconds = Number(objectives?.latencyMs) / 1_000;

interface Series {
  series: string;
  values: string;
}

/** A counter that rises by so much each minute, in one phase after the other. */
function counter(series: string, ...phases: [perMinute: number, minutes: number][]): Series {
  let at = 0;
  const values = phases.map(([perMinute, minutes]) => {
    const text = `${at}+${perMinute}x${minutes - 1}`;
    at += perMinute * minutes;
    return text;
  });
  return { series, values: values.join(' ') };
}

/** Requests at 600 a minute, of which a share fails, or takes longer than promised, in the trouble. */
function requests({ failed = 0, slow = 0, troubleMinutes = 60, afterMinutes = 60 }): Series[] {
  const phases = (usual: number, inTrouble: number): [number, number][] => [
    [usual, healthy],
    [inTrouble, troubleMinutes],
    [usual, afterMinutes],
  ];
  const name = metric.httpServerRequestDuration;
  const of = (part: string, status: number, more = '') =>
    `${name}_${part}{job="${job}", instance="a", http_response_status_code="${status}"${more}}`;
  return [
    counter(of('count', 200), ...phases(600, 600 * (1 - failed))),
    counter(of('count', 500), ...phases(0, 600 * failed)),
    counter(of('bucket', 200, `, le="${latencySeconds}"`), ...phases(600, 600 * (1 - failed - slow))),
    counter(of('bucket', 500, `, le="${latencySeconds}"`), ...phases(0, 600 * failed)),
  ];
}

/** A gauge that tells of trouble for a while. */
const gauge = (name: string, labels: string, value: number, otherwise = 0): Series => ({
  series: `${name}{job="${job}", instance="a"${labels}}`,
  values: `${otherwise}x${healthy - 1} ${value}x59 ${otherwise}x59`,
});

/** What fires each alert, how many minutes after it began at the latest, and how many after its end all is silent. */
const faults: Record<string, { series: Series[]; within: number; over: number }> = {
  // 30 % of errors must page within five minutes.
  ErrorBudgetBurnsFast: { series: requests({ failed: 0.3 }), within: 5, over: 40 },
  ErrorBudgetBurnsSlowly: { series: requests({ failed: 0.03, afterMinutes: 400 }), within: 60, over: 380 },
  ServiceDown: { series: [gauge('up', '', 0, 1)], within: 2, over: 1 },
  InstanceDown: { series: [gauge('up', '', 0, 1)], within: 2, over: 1 },
  HealthCheckFails: { series: [gauge(metric.healthCheckStatus, ', check="postgres"', 0, 1)], within: 2, over: 1 },
  ErrorRatioHigh: { series: requests({ failed: 0.1 }), within: 6, over: 5 },
  LatencyOverObjective: { series: requests({ slow: 0.02 }), within: 15, over: 6 },
  CircuitBreakerOpen: {
    series: [gauge(metric.circuitBreakerState, ', client="x", state="open"', 1)],
    within: 1,
    over: 1,
  },
  RetryBudgetEmpty: {
    series: [
      counter(
        `${metric.resilienceRetriesRefused}{job="${job}", instance="a", client="x", reason="budget"}`,
        [0, healthy],
        [30, 60],
        [0, 60],
      ),
    ],
    within: 5,
    over: 3,
  },
  DiscoveryFailing: {
    series: [
      counter(
        `${metric.discoveryErrors}{job="${job}", instance="a", client="x", reason="unreachable"}`,
        [0, healthy],
        [2, 60],
        [0, 60],
      ),
    ],
    within: 8,
    over: 4,
  },
  LoadShed: {
    series: [
      ...requests({}),
      counter(
        `${metric.requestsShed}{job="${job}", instance="a", priority="normal", reason="concurrency"}`,
        [0, healthy],
        [300, 60],
        [0, 60],
      ),
    ],
    within: 5,
    over: 3,
  },
  EventLoopBlocked: { series: [gauge(metric.eventLoopDelayMax, '', 3, 0.02)], within: 1, over: 1 },
  PostgresPoolExhausted: { series: [gauge(metric.postgresPoolPending, '', 7)], within: 1, over: 1 },
  OutboxStuck: { series: [gauge(metric.outboxOldestAge, '', 600, 1)], within: 1, over: 1 },
  OutboxFailing: { series: [gauge(metric.outboxFailing, '', 2)], within: 31, over: 1 },
  OutboxParked: { series: [gauge(metric.outboxParked, '', 2)], within: 1, over: 1 },
};

withPromtool("Prometheus' rules", () => {
  const temporary = mkdtempSync(join(tmpdir(), 'ballast-promtool-'));
  afterAll(() => rmSync(temporary, { recursive: true, force: true }));

  /** Whether an alert of that service fires so many minutes after the trouble began. */
  async function expectFiring(name: string, series: Series[], ...moments: [minute: number, fires: boolean][]) {
    const file = join(temporary, `${randomUUID()}.json`);
    // The rules of objectives take long to run through: only where the trouble is with requests.
    const rules = series.some((one) => one.series.startsWith(metric.httpServerRequestDuration)) ? [`${job}.slo`] : [];
    const test = {
      rule_files: [...rules, 'alerts'].map((file) => join(folder, `rules/${file}.yml`)),
      evaluation_interval: name === 'ErrorBudgetBurnsSlowly' ? '5m' : '1m',
      tests: [
        {
          interval: '1m',
          input_series: series,
          promql_expr_test: moments.map(([minute, fires]) => ({
            expr: `max by (alertname) (ALERTS{alertname="${name}", job="${job}", alertstate="firing"})`,
            eval_time: `${healthy + minute}m`,
            exp_samples: fires ? [{ labels: `{alertname="${name}"}`, value: 1 }] : [],
          })),
        },
      ],
    };
    writeFileSync(file, JSON.stringify(test));
    await promtool('test', 'rules', file);
  }

  it('are understood, with the configuration that names them', async () => {
    const files = readdirSync(join(folder, 'rules')).map((file) => join(folder, 'rules', file));
    expect(await promtool('check', 'config', join(folder, 'prometheus.yml'))).toContain('is valid prometheus config');
    expect(await promtool('check', 'rules', ...files)).not.toContain('FAILED');
  });

  it.concurrent('page within 20 minutes when 5 % of the requests fail', async () => {
    await expectFiring('ErrorBudgetBurnsFast', requests({ failed: 0.05 }), [0, false], [20, true]);
  });

  it.concurrent('stay silent while 0.05 % fail', async () => {
    const series = requests({ failed: 0.0005, troubleMinutes: 360 });
    await expectFiring('ErrorBudgetBurnsFast', series, [5, false], [60, false]);
    await expectFiring('ErrorBudgetBurnsSlowly', series, [60, false], [359, false]);
  });

  it('have a fault for every alert', () => {
    expect(Object.keys(faults).toSorted()).toEqual(named.map(({ name }) => name).sort());
  });

  it.concurrent.each(Object.entries(faults))(
    'fire %s at its fault, and go silent when it is over',
    async (name, fault) => {
      const { series, within, over } = fault;
      await expectFiring(name, series, [-1, false], [within, true], [60 + over, false]);
    },
  );
});

async function promtool(...args: string[]): Promise<string> {
  try {
    const { stdout } = await run('promtool', args);
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`promtool ${args.join(' ')}\n${stdout}${stderr}`);
  }
}
