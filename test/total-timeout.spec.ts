import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpClient } from '@app/resilience';
import { eventually, freePort } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const totalTimeoutMs = 250;
const rounds = 9;

/** Takes every request, and answers those to /healthy only. */
const hanging = `
  require('node:http')
    .createServer((request, response) => request.url === '/healthy' && response.end())
    .listen(process.argv[1], '127.0.0.1')`;

describe('the total timeout of a call to a service that hangs', () => {
  let upstream: ChildProcess;
  let client: HttpClient;
  let baseUrl: string;
  let attempts = 0;

  beforeAll(async () => {
    const port = await freePort();
    baseUrl = `http://127.0.0.1:${port}`;
    upstream = spawn(process.execPath, ['-e', hanging, String(port)]);
    await eventually('it listens', () => fetch(`${baseUrl}/healthy`).then(({ ok }) => ok));
    client = new HttpClient(
      'hanging',
      {
        baseUrl,
        totalTimeoutMs,
        attemptTimeoutMs: 100,
        circuitBreaker: false,
        retry: { baseDelayMs: 1, budgetRatio: 1, budgetPerSecond: 100 },
      },
      { emit: ({ type }) => (attempts += type === 'attempt' ? 1 : 0) },
    );
  });

  afterAll(async () => {
    upstream.kill('SIGKILL');
    await once(upstream, 'exit');
    await client.close();
  });

  const overshoot = async (wait: () => Promise<unknown>) => {
    const startedAt = performance.now();
    await wait();
    return performance.now() - startedAt - totalTimeoutMs;
  };
  const median = (list: number[]) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)] as number;

  /** What Node does alone: a request that a timer ends. */
  const requestOnATimer = () =>
    new Promise((resolve) => {
      const request = get(baseUrl).on('error', resolve);
      setTimeout(() => request.destroy(new Error('too late')), totalTimeoutMs);
    });

  it('is overshot by three times as much as that of a bare request on a bare timer, at most, with all its repetitions', async () => {
    /** An attempt whose own timer comes late leaves no time for another, and is then what the call fails with. */
    const late = ['deadline_exceeded', 'ETIMEDOUT'];
    const codes: unknown[] = [];
    const call = () => client.get('/').catch(({ code }) => codes.push(code));
    const [timer, bare, ours]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < rounds; round++) {
      timer.push(await overshoot(() => sleep(totalTimeoutMs)));
      bare.push(await overshoot(requestOnATimer));
      ours.push(await overshoot(call));
    }
    expect(codes).toHaveLength(rounds);
    expect(codes.filter((code) => !late.includes(code as string))).toEqual([]);
    expect(attempts).toBeGreaterThanOrEqual(2 * rounds);
    const [timerMs, bareMs, oursMs] = [median(timer), median(bare), median(ours)];
    process.stdout.write(
      `overshoot: ${oursMs.toFixed(2)} ms, of a bare request ${bareMs.toFixed(2)} ms, of a bare timer ${timerMs.toFixed(2)} ms\n`,
    );
    expect(oursMs).toBeLessThanOrEqual(3 * bareMs);
  });
});
