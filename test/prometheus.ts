import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { eventually, freePort } from '@app/testing';
import { parse } from 'yaml';

export interface Sample {
  metric: Record<string, string>;
  value: [time: number, value: string];
}

interface Config {
  global: object;
  rule_files: string[];
  scrape_configs: { job_name: string; file_sd_configs?: object[]; dns_sd_configs?: object[] }[];
}

/** The real Prometheus with our configuration, only that it looks every second, and where the test says. */
export class Prometheus {
  private constructor(
    readonly url: string,
    private readonly folder: string,
    readonly stop: () => Promise<void>,
  ) {}

  static async start(): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'ballast-prometheus-'));
    const config = parse(await readFile('prometheus/prometheus.yml', 'utf8')) as Config;
    config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
    config.rule_files = config.rule_files.map((file) => resolve('prometheus', file));
    config.scrape_configs = config.scrape_configs.flatMap(({ dns_sd_configs, ...scrape }) =>
      scrape.file_sd_configs ? [{ ...scrape, file_sd_configs: [{ files: [join(folder, 'targets.json')] }] }] : [],
    );
    await writeFile(join(folder, 'prometheus.json'), JSON.stringify(config));
    const port = await freePort();
    const child = spawn(
      'prometheus',
      [
        `--config.file=${folder}/prometheus.json`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--enable-feature=exemplar-storage',
      ],
      { stdio: 'ignore' },
    );
    const exited = new Promise<void>((done) => child.once('exit', () => done()));
    const url = `http://127.0.0.1:${port}`;
    const prometheus = new Prometheus(url, folder, async () => {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    });
    await eventually('Prometheus is ready', async () => (await fetch(`${url}/-/ready`)).ok);
    return prometheus;
  }

  /** Makes it scrape these admin addresses, each as an instance of the service that it is named after. */
  async watch(services: Record<string, { admin: string }>): Promise<void> {
    const targets = Object.entries(services).map(([job, { admin }]) => ({
      targets: [new URL(admin).host],
      labels: { job },
    }));
    await writeFile(join(this.folder, 'targets.json'), JSON.stringify(targets));
  }

  /** @throws Error with what Prometheus says of a query that it does not understand */
  query(promql: string): Promise<Sample[]> {
    return this.ask<{ result: Sample[] }>('query', { query: promql }).then(({ result }) => result);
  }

  async exemplars(promql: string): Promise<{ labels: { trace_id: string } }[]> {
    const range = { start: String(Date.now() / 1_000 - 600), end: String(Date.now() / 1_000) };
    const series = await this.ask<{ exemplars: { labels: { trace_id: string } }[] }[]>('query_exemplars', {
      query: promql,
      ...range,
    });
    return series.flatMap(({ exemplars }) => exemplars);
  }

  private async ask<T>(what: string, parameters: Record<string, string>): Promise<T> {
    const response = await fetch(`${this.url}/api/v1/${what}`, {
      method: 'POST',
      body: new URLSearchParams(parameters),
      signal: AbortSignal.timeout(10_000),
    });
    const { data, error } = (await response.json()) as { data: T; error?: string };
    if (error) throw new Error(`${error}: ${JSON.stringify(parameters)}`);
    return data;
  }
}
