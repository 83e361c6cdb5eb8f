import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Bulkhead } from '@app/resilience';
import {
  defineConfig,
  Priority,
  type RunningService,
  runService,
  ServiceModule,
  serviceEnv,
  stopService,
} from '@app/service';
import { setLogLevel } from '@app/telemetry';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Post } from '@nestjs/common';

/** `pnpm drill overload` gives it longer. */
const seconds = Number(process.env.DRILL_SECONDS ?? 4);
const slots = 10;
const serviceTimeMs = 50;
const capacity = (slots * 1_000) / serviceTimeMs;
const checkoutShare = 0.15;
const recoveryMs = 5_000;

const config = defineConfig('till', { service: serviceEnv({ port: 0, adminPort: 0 }) });
/** What the service has ten of, a database's connections, say, and what waits for one waits in it. */
const tills = new Bulkhead('tills', { maxConcurrent: slots, maxQueued: 100_000 });

@Controller()
class TillController {
  @Get('products')
  browse(): Promise<string> {
    return tills.execute(() => sleep(serviceTimeMs, 'served'));
  }

  @Post('checkout')
  @Priority('high')
  checkout(): Promise<string> {
    return tills.execute(() => sleep(serviceTimeMs, 'served'));
  }
}

@Module({ imports: [ServiceModule.forRoot({ config })], controllers: [TillController] })
class TillModule {}

interface Answer {
  at: number;
  ms: number;
  status: number;
  checkout: boolean;
  headers: Record<string, unknown>;
}

describe('three times as many requests as a service can serve', () => {
  const runs: Record<'limited' | 'unlimited', { peak: Answer[]; overload: Answer[]; after: Answer[] }> = {} as never;

  beforeAll(
    async () => {
      setLogLevel('fatal');
      for (const [name, enabled] of [
        ['limited', true],
        ['unlimited', false],
      ] as const) {
        process.env.LOAD_LIMIT = String(enabled);
        process.env.LOAD_LIMIT_LATENCY_MS = '250';
        const service = await runService(TillModule);
        const load = new Load(service);
        const peak = await load.send(0.95 * capacity, seconds / 2);
        const overload = await load.send(3 * capacity, seconds);
        const after = await load.send(0.5 * capacity, 1 + recoveryMs / 1_000);
        runs[name] = {
          peak: await Promise.all(peak),
          overload: await Promise.all(overload),
          after: await Promise.all(after),
        };
        load.close();
        await stopService(service);
      }
      process.stdout.write(table());
    },
    120_000 + 6_000 * seconds,
  );
  afterAll(() => {
    for (const name of ['LOAD_LIMIT', 'LOAD_LIMIT_LATENCY_MS']) delete process.env[name];
    setLogLevel('info');
  });

  const served = (answers: Answer[]) => answers.filter(({ status }) => status < 400);
  const goodput = (answers: Answer[]) => {
    const ends = answers.map(({ at }) => at);
    return (served(answers).length * 1_000) / (Math.max(...ends) - Math.min(...ends));
  };
  const p95 = (answers: Answer[]) => {
    const sorted = served(answers)
      .map(({ ms }) => ms)
      .sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.95)] ?? Infinity;
  };
  const successOf = (answers: Answer[], checkout: boolean) => {
    const asked = answers.filter((answer) => answer.checkout === checkout);
    return served(asked).length / asked.length;
  };
  const isWell = ({ status, ms }: Answer) => status < 400 && ms <= 2 * serviceTimeMs;
  /** How long after the overload a request still failed, or took twice as long as it should. */
  const recoveredAfterMs = ({ after }: { after: Answer[] }) => {
    const asked = ({ at, ms }: Answer) => at - ms;
    const failed = after.filter((answer) => !isWell(answer)).map(asked);
    return failed.length > 0 ? Math.max(...failed) - Math.min(...after.map(asked)) : 0;
  };

  function table(): string {
    const percent = (ratio: number) => `${(100 * ratio).toFixed(0)} %`;
    const rows = Object.entries(runs).map(([name, run]) => [
      name === 'limited' ? 'with the load limit' : 'without',
      goodput(run.peak).toFixed(0),
      goodput(run.overload).toFixed(0),
      `${p95(run.overload).toFixed(0)} ms`,
      percent(successOf(run.overload, true)),
      percent(successOf(run.overload, false)),
      `${(recoveredAfterMs(run) / 1_000).toFixed(1)} s`,
    ]);
    const head = [
      '',
      'served/s at capacity',
      'served/s at 3 times',
      'their p95',
      'checkouts served',
      'browsing served',
      'recovery',
    ];
    return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('');
  }

  it('cost it little of what it can serve', () => {
    expect(goodput(runs.limited.overload)).toBeGreaterThan(0.8 * goodput(runs.limited.peak));
  });

  it('keep the requests that it serves fast', () => {
    expect(p95(runs.limited.overload)).toBeLessThan(0.3 * p95(runs.unlimited.overload));
  });

  it('keep out who only looks before who pays', () => {
    expect(successOf(runs.limited.overload, true)).toBeGreaterThan(0.9);
    expect(successOf(runs.limited.overload, false)).toBeLessThan(0.5);
  });

  it('are told at once to come again, and not to be repeated below', () => {
    const refused = runs.limited.overload.filter(({ status }) => status >= 400);
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([503]));
    for (const { headers } of refused)
      expect(headers).toMatchObject({ 'retry-after': '1', 'x-envoy-overloaded': 'true' });
    const waited = refused.map(({ ms }) => ms).sort((a, b) => a - b);
    expect(waited[Math.floor(waited.length / 2)]).toBeLessThan(p95(runs.limited.overload) / 4);
  });

  it('are forgotten five seconds later', () => {
    const { after } = runs.limited;
    const begunAt = Math.min(...after.map(({ at, ms }) => at - ms));
    const late = after.filter(({ at, ms }) => at - ms - begunAt >= recoveryMs);
    // Not all: a machine that is busy with something else holds one or the other.
    expect(late.filter(isWell).length / late.length).toBeGreaterThan(0.8);
  });
});

/** Sends so many requests a second, whether earlier ones are answered or not. */
class Load {
  private readonly agent = new Agent({ keepAlive: true });
  private readonly address: { host: string; port: number };
  private sent = 0;

  constructor({ app }: RunningService) {
    const { address: host, port } = app.getHttpServer().address() as { address: string; port: number };
    this.address = { host, port };
  }

  /** @returns the answers to come, once all are asked for */
  async send(perSecond: number, forSeconds: number): Promise<Promise<Answer>[]> {
    const underway: Promise<Answer>[] = [];
    const startedAt = performance.now();
    for (let passed = 0; passed < forSeconds; await sleep(2)) {
      passed = Math.min(forSeconds, (performance.now() - startedAt) / 1_000);
      while (underway.length < passed * perSecond) {
        this.sent += checkoutShare;
        const checkout = this.sent >= 1;
        if (checkout) this.sent -= 1;
        underway.push(this.ask(checkout));
      }
    }
    return underway;
  }

  close(): void {
    this.agent.destroy();
  }

  private ask(checkout: boolean): Promise<Answer> {
    const startedAt = performance.now();
    const target = checkout ? { method: 'POST', path: '/checkout' } : { path: '/products' };
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    request({ ...this.address, agent: this.agent, ...target })
      .once('error', reject)
      .once('response', (response) => {
        response.resume().once('end', () => {
          const at = performance.now();
          resolve({ at, ms: at - startedAt, status: response.statusCode ?? 0, checkout, headers: response.headers });
        });
      })
      .end();
    return promise;
  }
}
