import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { wrongCounts } from './counts.js';

const run = promisify(execFile);

describe('the benchmark', () => {
  let result: Awaited<ReturnType<typeof bench>>;

  beforeAll(async () => {
    result = await bench('inbound', 'discovery', '--quick', '--json', '--only', 'ours', '--route', 'order');
  }, 60_000);

  it('measures each contestant that was asked for, and the control', () => {
    const rows = result.inbound.order ?? [];
    expect(rows.map(({ name }) => name)).toEqual(['bare', 'control', 'ours']);
    for (const row of rows) {
      expect(row.answered).toBeGreaterThan(0);
      expect(row.cpuPerRequest).toBeGreaterThan(0);
    }
  });

  it('finds that our service logs every request and exports its share of spans', () => {
    const ours = result.inbound.order?.find(({ name }) => name === 'ours');
    expect(ours?.logLines).toBeGreaterThanOrEqual(ours?.answered ?? 0);
    expect(ours?.spans).toBeGreaterThan(0);
    expect(result.wrong).toEqual([]);
  });

  it('finds the same contestant about as fast as itself', () => {
    const control = result.inbound.order?.find(({ name }) => name === 'control');
    expect(control?.cpuRatio.median).toBeGreaterThan(1 / 3);
    expect(control?.cpuRatio.median).toBeLessThan(3);
  });

  it('measures each balancer, with and without updates', () => {
    expect(result.balancers.map(({ name }) => name)).toEqual(['plain', 'round-robin', 'peak-ewma']);
    for (const { ns, ratio } of result.balancers) {
      expect(ns.median).toBeGreaterThan(0);
      expect(ratio.median).toBeGreaterThan(1 / 3);
    }
  });

  it('refuses what it does not know', async () => {
    await expect(run(process.execPath, [script, '--only', 'nobody'])).rejects.toMatchObject({ code: 2 });
  });
});

describe('wrongCounts', () => {
  const honest = {
    title: 'a contestant',
    answered: 1_000,
    failed: 0,
    logLines: 1_040,
    spans: 110,
    expected: { logged: 1, sampled: 0.1, spansPerTrace: 1 },
    bursts: 1,
  };

  it('accepts requests that were cut off, and the luck of sampling', () => {
    expect(wrongCounts(honest, 50)).toEqual([]);
  });

  it.each([
    ['a contestant that answers nothing', { answered: 0, logLines: 0, spans: 0 }],
    ['failed requests', { failed: 1 }],
    ['missing log lines', { logLines: 999 }],
    ['log lines of other things', { logLines: 1_051 }],
    ['lost spans', { spans: 30 }],
    ['more spans than asked for', { spans: 200 }],
  ])('reports %s', (_what, change) => {
    expect(wrongCounts({ ...honest, ...change }, 50)).not.toEqual([]);
  });
});

const script = join(import.meta.dirname, 'bench.js');

interface Row {
  name: string;
  answered: number;
  cpuPerRequest: number;
  cpuRatio: { median: number };
  logLines: number;
  spans: number;
}

interface Result {
  inbound: Record<string, Row[]>;
  balancers: { name: string; ns: { median: number }; ratio: { median: number } }[];
  wrong: string[];
}

async function bench(...args: string[]): Promise<Result> {
  const { stdout } = await run(process.execPath, [script, ...args]);
  return JSON.parse(stdout);
}
