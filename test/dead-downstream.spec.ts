import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpClient, isResilienceError, type ResilienceEvent, ResilienceEvents } from '@app/resilience';
import { defineConfig, type RunningService, runService, ServiceModule, serviceEnv, stopService } from '@app/service';
import { setLogLevel } from '@app/telemetry';
import { eventually, freePort } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module } from '@nestjs/common';

/** `pnpm drill dead-downstream` gives it longer. */
const deadMs = Number(process.env.DRILL_SECONDS ?? 3) * 1_000;
const perSecond = 100;
const openMs = deadMs / 5;

interface Timed {
  at: number;
  ms: number;
}

interface Asked {
  at: number;
  outcome: 'answer' | 'rejection' | 'failure';
}

const config = defineConfig('edge', { service: serviceEnv({ port: 0, adminPort: 0 }) });
const asked: Asked[] = [];
const events: (ResilienceEvent & { at: number })[] = [];
let client: HttpClient;

@Controller()
class EdgeController {
  @Get('downstream')
  async downstream(): Promise<string> {
    const at = performance.now();
    const end = (outcome: Asked['outcome']) => {
      asked.push({ at, outcome });
      return outcome;
    };
    return client.get('/').then(
      () => end('answer'),
      (error) => end(isResilienceError(error, 'circuit_open') ? 'rejection' : 'failure'),
    );
  }

  @Get('unrelated')
  unrelated(): string {
    return 'here';
  }
}

@Module({ imports: [ServiceModule.forRoot({ config })], controllers: [EdgeController] })
class EdgeModule {}

describe('a downstream that is dead for a while, under load', () => {
  let port: number;
  let downstream: ChildProcess;
  let service: RunningService;
  const unrelated: Timed[] = [];
  const phases = { killedAt: 0, backAt: 0 };
  /** One after the other, in ms each. */
  const costs = { answer: 0, rejection: 0 };

  async function startDownstream(): Promise<void> {
    const script = `require('node:http').createServer((_, response) => response.end('{}')).listen(${port}, '127.0.0.1')`;
    downstream = spawn(process.execPath, ['-e', script]);
    await eventually('the downstream answers', () => fetch(`http://127.0.0.1:${port}`).then(({ ok }) => ok));
  }

  async function kill(): Promise<void> {
    downstream.kill('SIGKILL');
    await once(downstream, 'exit');
  }

  async function cost(): Promise<number> {
    const calls = 200;
    const at = performance.now();
    for (let count = 0; count < calls; count++) await client.get('/').catch(() => undefined);
    return (performance.now() - at) / calls;
  }

  beforeAll(async () => {
    setLogLevel('silent');
    port = await freePort();
    await startDownstream();
    service = await runService(EdgeModule);
    const listener = service.app.get(ResilienceEvents);
    const emit = (event: ResilienceEvent) => {
      events.push({ ...event, at: performance.now() });
      listener.emit(event);
    };
    const circuitBreaker = { openMs, maxOpenMs: openMs, windowMs: deadMs / 4 };
    client = new HttpClient('downstream', { baseUrl: `http://127.0.0.1:${port}`, circuitBreaker }, { emit });
    const url = await service.app.getUrl();

    let open = true;
    const underway = new Set<Promise<unknown>>();
    const send = (path: string, timed?: Timed[]) => {
      const at = performance.now();
      const answered = fetch(`${url}/${path}`)
        .then((response) => response.arrayBuffer())
        .then(() => timed?.push({ at, ms: performance.now() - at }))
        .finally(() => underway.delete(answered));
      underway.add(answered);
    };
    const load = (async () => {
      for (const startedAt = performance.now(), sent = { count: 0 }; open; await sleep(5)) {
        for (; sent.count < ((performance.now() - startedAt) / 1_000) * perSecond; sent.count += 1) {
          send('downstream');
          send('unrelated', unrelated);
        }
      }
    })();
    await sleep(2_000);
    costs.answer = await cost();
    phases.killedAt = performance.now();
    await kill();
    await eventually('the breaker is open', () => client.breaker?.state.kind === 'open');
    costs.rejection = await cost();
    await sleep(deadMs - (performance.now() - phases.killedAt));
    await startDownstream();
    phases.backAt = performance.now();
    await eventually('the breaker is closed', () => client.breaker?.state.kind === 'closed', {
      timeoutMs: 2 * openMs + 5_000,
    });
    await sleep(1_000);
    open = false;
    await load;
    await Promise.all(underway);
  }, deadMs + 60_000);

  afterAll(async () => {
    await client?.close();
    await stopService(service);
    await kill();
  });

  const transitions = (to: string) => events.filter((event) => event.type === 'transition' && event.to === to);
  const during = <T extends { at: number }>(list: T[], from: number, to: number) =>
    list.filter(({ at }) => at >= from && at < to);
  const median = (list: Timed[]) =>
    list.map(({ ms }) => ms).sort((a, b) => a - b)[Math.floor(list.length / 2)] as number;
  const openedAt = () => transitions('open')[0]?.at as number;
  const closedAt = () => transitions('closed').at(-1)?.at as number;

  it('is sent nothing but probes once the breaker is open', () => {
    const sent = during(events, openedAt(), closedAt()).filter(({ type }) => type === 'attempt').length;
    const underWayAtOpening = 5;
    const probes = transitions('half-open').length * (client.breaker?.options.halfOpenProbes ?? 0);
    const rejected = asked.filter(({ outcome }) => outcome === 'rejection').length;
    process.stdout.write(
      `dead for ${deadMs / 1_000} s under ${perSecond}/s: opened after ${Math.round(openedAt() - phases.killedAt)} ms, ` +
        `${rejected} calls rejected, ${sent} attempts in ${transitions('half-open').length} half-open times\n`,
    );
    expect(rejected).toBeGreaterThan(perSecond);
    expect(sent).toBeLessThanOrEqual(probes + underWayAtOpening);
  });

  it('costs its callers under a tenth of a good call', () => {
    const { rejection, answer } = costs;
    process.stdout.write(
      `a rejection takes ${(rejection * 1_000).toFixed()} us, a good call ${(answer * 1_000).toFixed()} us\n`,
    );
    expect(rejection).toBeLessThan(answer / 10);
  });

  it('is called as before when it is back and the probes have passed', () => {
    const after = during(asked, closedAt(), Infinity);
    process.stdout.write(`closed ${Math.round(closedAt() - phases.backAt)} ms after it was back\n`);
    expect(after.length).toBeGreaterThan(perSecond / 2);
    expect(new Set(after.map(({ outcome }) => outcome))).toEqual(new Set(['answer']));
  });

  it('does not slow down what has nothing to do with it', () => {
    const before = median(during(unrelated, phases.killedAt - 1_000, phases.killedAt));
    const meanwhile = median(during(unrelated, openedAt(), phases.backAt));
    process.stdout.write(`unrelated requests: ${before.toFixed(2)} ms before, ${meanwhile.toFixed(2)} ms meanwhile\n`);
    expect(meanwhile).toBeLessThan(1.5 * before);
  });
});
