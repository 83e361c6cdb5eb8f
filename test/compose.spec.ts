import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { apps, dockerfile, imageEnv, variablesOf } from './apps.js';

/** Docker may not be here to try it: what can go wrong between these files and the code is checked without it. */
interface Service {
  image?: string;
  extends?: { file: string; service: string };
  build?: { args: { APP?: string } };
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  mem_limit?: string;
  env_file?: string;
}
interface ComposeFile {
  include?: { path: string; env_file: string }[];
  services?: Record<string, Service>;
  volumes?: Record<string, unknown>;
}

const yaml = <T>(file: string) => parse(readFileSync(file, 'utf8')) as T;
const compose = yaml<ComposeFile>('docker-compose.yml');
const included = (compose.include ?? []).map(({ path }) => path);
const files = included.map((file) => [file, yaml<ComposeFile>(file)] as const);
const services = files.flatMap(([file, { services: some = {} }]) =>
  Object.entries(some).map(([name, service]) => ({ name, file, service })),
);
const base = yaml<ComposeFile>('tools/compose/service.yml').services?.service as Service;
const versions = parseEnv(readFileSync('versions.env', 'utf8'));

const urlVariable = (app: string) => `${app.replaceAll('-', '_').toUpperCase()}_URL`;

describe('docker compose', () => {
  it('has every app, in its own file', () => {
    expect(included.filter((path) => path.startsWith('apps/')).toSorted()).toEqual(
      apps.map((app) => `apps/${app}/compose.yml`).sort(),
    );
    for (const [file] of files) expect([file, existsSync(file)]).toEqual([file, true]);
  });

  it('names each version once', () => {
    expect((compose.include ?? []).every(({ env_file }) => env_file === 'versions.env')).toBe(true);
    const images = services.map(({ service }) => service.image ?? '').filter((image) => !image.startsWith('ballast/'));
    for (const image of images) expect(Object.keys(versions).map((name) => `\${${name}}`)).toContain(image);
    for (const [name, image] of Object.entries(versions))
      expect([name, image]).toEqual([name, expect.stringMatching(/\d+\.\d+/)]);
    const { optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(/ARG NODE_VERSION=(.*)/.exec(dockerfile)?.[1]).toBe(versions.NODE_VERSION);
    expect(optionalDependencies.node).toBe(versions.NODE_VERSION);
  });

  it('publishes on this machine only', () => {
    for (const { name, service } of services)
      for (const port of service.ports ?? [])
        expect([name, port]).toEqual([name, expect.stringMatching(/^127\.0\.0\.1:/)]);
  });

  it('bounds the memory of every container', () => {
    const unbounded = services.filter(({ service }) => !(service.mem_limit ?? (service.extends && base.mem_limit)));
    expect(unbounded.map(({ name }) => name)).toEqual([]);
  });

  it('waits for what there is, and mounts what there is', () => {
    const names = services.map(({ name }) => name);
    for (const { file, service } of services) {
      for (const other of Object.keys(service.depends_on ?? {})) expect(names).toContain(other);
      const mounted = [
        ...(service.volumes ?? []).map((volume) => volume.split(':')[0] as string),
        service.env_file ?? '.',
      ];
      for (const path of mounted.filter((one) => one.startsWith('.')))
        expect([file, path, existsSync(join(dirname(file), path))]).toEqual([file, path, true]);
      if (service.extends)
        expect(normalize(join(dirname(file), service.extends.file))).toBe('tools/compose/service.yml');
    }
  });

  describe.each(apps)('runs %s', (app) => {
    const own = services.filter(({ file }) => file === `apps/${app}/compose.yml`);
    const main = own.find(({ name }) => name === app)?.service as Service;

    it('with variables that it knows', async () => {
      const known = await variablesOf(app);
      const ours = own.filter(({ service }) => service.extends).map(({ service }) => service);
      for (const { environment = {} } of [...ours, base]) {
        const unknown = Object.keys(environment).filter((name) => !known.has(name) && !name.startsWith('OTEL_'));
        expect(unknown).toEqual([]);
      }
    });

    it('on the ports that it has without Docker', async () => {
      const known = await variablesOf(app);
      const [api, admin] = (main.ports ?? []).map((port) => /:(\d+)(?:-\d+)?:(\d+)$/.exec(port)?.slice(1));
      expect(api).toEqual([known.get('PORT'), imageEnv.PORT]);
      expect(admin).toEqual([known.get('ADMIN_PORT'), imageEnv.ADMIN_PORT]);
    });

    it('after its migration, and what it calls by its name', async () => {
      const known = await variablesOf(app);
      if (known.has('DATABASE_URL')) expect(own.map(({ name }) => name)).toContain(`${app}-migrate`);
      for (const other of apps.filter((one) => known.has(urlVariable(one)))) {
        expect(main.environment?.[urlVariable(other)]).toBe(`http://${other}:${imageEnv.PORT}`);
        expect(main.depends_on?.[other]?.condition).toBe('service_healthy');
      }
      expect(own.every(({ service }) => !service.build || service.build.args.APP === app)).toBe(true);
    });
  });
});

describe('the stack', () => {
  interface Scrape {
    job_name: string;
    dns_sd_configs: { names: string[]; port: number }[];
  }
  const prometheus = yaml<{ global: { scrape_interval: string }; scrape_configs: Scrape[] }>(
    'prometheus/prometheus.yml',
  );
  const scrapeOf = (job: string) =>
    prometheus.scrape_configs.find(({ job_name }) => job_name === job)?.dns_sd_configs[0];

  it('looks at every app on its admin port', () => {
    expect(scrapeOf('services')).toMatchObject({ names: apps, port: Number(imageEnv.ADMIN_PORT) });
  });

  it.each(globSync('jaeger/config*.yml'))(
    'has in %s only pipelines whose parts are there, on the ports that others know',
    (file) => {
      interface Pipeline {
        receivers: string[];
        processors?: string[];
        exporters: string[];
      }
      type Parts = Record<string, { endpoint?: string; protocols?: Record<string, { endpoint: string }> }>;
      const config = yaml<{
        service: { extensions: string[]; pipelines: Record<string, Pipeline> };
        extensions: Parts;
        receivers: Parts;
        processors: Parts;
        connectors: Parts;
        exporters: Parts;
      }>(file);
      const between = Object.keys(config.connectors);
      for (const { receivers, processors = [], exporters } of Object.values(config.service.pipelines)) {
        expect([...Object.keys(config.receivers), ...between]).toEqual(expect.arrayContaining(receivers));
        expect(Object.keys(config.processors)).toEqual(expect.arrayContaining(processors));
        expect([...Object.keys(config.exporters), ...between]).toEqual(expect.arrayContaining(exporters));
      }
      expect(Object.keys(config.extensions)).toEqual(expect.arrayContaining(config.service.extensions));
      const port = (endpoint = '') => Number(endpoint.split(':').at(-1));
      expect(port(config.exporters.prometheus?.endpoint)).toBe(scrapeOf('jaeger')?.port);
      const otlp = new URL(base.environment?.OTEL_EXPORTER_OTLP_ENDPOINT ?? '');
      expect(port(config.receivers.otlp?.protocols?.http?.endpoint)).toBe(Number(otlp.port));
    },
  );

  it('tells Grafana how often Prometheus looks, and the names that dashboards choose by', () => {
    interface Source {
      uid: string;
      type: string;
      jsonData?: { timeInterval: string };
    }
    const { datasources } = yaml<{ datasources: Source[] }>('grafana/provisioning/datasources/datasources.yml');
    expect(datasources.map(({ uid, type }) => [uid, type])).toEqual([
      ['prometheus', 'prometheus'],
      ['jaeger', 'jaeger'],
    ]);
    expect(datasources[0]?.jsonData?.timeInterval).toBe(prometheus.global.scrape_interval);
    const grafana = services.find(({ name }) => name === 'grafana')?.service.environment;
    const home = grafana?.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH?.replace(grafana.DASHBOARDS_PATH ?? '', '');
    expect(existsSync(`grafana/dashboards${home}`)).toBe(true);
  });
});
