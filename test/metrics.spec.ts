import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Shop } from './shop.js';

const hasPrometheus = installed() || process.env.CI === 'true';
const withPrometheus = hasPrometheus ? describe : describe.skip;
if (!hasPrometheus) process.stdout.write('prometheus is not on this machine: skipping the spec of its scrapes\n');

withPrometheus('/metrics, read by a real Prometheus', () => {
  let shop: Shop;
  let url: string;
  let end: () => Promise<void>;

  beforeAll(async () => {
    shop = await Shop.start();
    const folder = await mkdtemp(join(tmpdir(), 'ballast-prometheus-'));
    const port = await freePort();
    const targets = Object.values(shop.services).map(({ admin }) => new URL(admin).host);
    const scrape = { job_name: 'shop', scrape_interval: '1s', static_configs: [{ targets }] };
    await writeFile(join(folder, 'prometheus.json'), JSON.stringify({ scrape_configs: [scrape] }));
    url = `http://127.0.0.1:${port}`;
    const flags = [
      `--config.file=${folder}/prometheus.json`,
      `--storage.tsdb.path=${folder}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
    ];
    const child = spawn('prometheus', flags, { stdio: 'ignore' });
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    end = async () => {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    };
  });

  afterAll(async () => {
    await end?.();
    await shop?.stop();
  });

  async function query(promql: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> {
    const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(promql)}`);
    return ((await response.json()) as { data: { result: [] } }).data.result;
  }

  it('is understood whole', async () => {
    const up = await eventually('all services are scraped', async () => {
      const result = await query('up == 1');
      return result.length === 3 && result;
    });
    expect(up).toHaveLength(3);
  });

  it('shows requests, event loops, memory and pools by the names of the catalogue', async () => {
    await shop.checkout({ items: [{ sku: 'compass', quantity: 1 }] });
    const expected = [
      'http_server_request_duration_seconds_bucket{http_route="/checkout",le=~"1(\\\\.0)?"}',
      'http_client_request_duration_seconds_count{client="payments",http_response_status_code="201"}',
      'nodejs_eventloop_lag_p99_seconds',
      'nodejs_eventloop_utilization_ratio',
      'nodejs_active_handles_total',
      'nodejs_heap_size_used_bytes',
      'nodejs_gc_duration_seconds_count',
      'db_client_connection_count',
      'outbox_pending_events',
    ];
    for (const promql of expected) await eventually(promql, async () => (await query(promql)).length > 0);
  });

  it('does not grow with the URLs that are asked for', async () => {
    const series = async () => {
      const text = await (await fetch(`${shop.services.storefront.admin}/metrics`)).text();
      return text.split('\n').filter((line) => line && !line.startsWith('#') && line.includes('http_server')).length;
    };
    // One after the other: many at once would also show what a full bulkhead answers.
    const ask = async (tag: string) => {
      for (let index = 0; index < 100; index++) {
        for (const path of [`orders/${tag}${index}`, `${tag}/${index}`, `products/${tag}${index}`])
          await fetch(`${shop.url}/${path}`);
      }
    };
    await ask('a');
    const before = await series();
    await ask('b');
    expect(await series()).toBe(before);
  });
});

function installed(): boolean {
  try {
    execFileSync('prometheus', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
