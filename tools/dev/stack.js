import './node-version.js';
import './env-file.js';
import { spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { loadApps, portOffset } from './apps.js';
import { build } from './build.js';
import { Failure, main, step } from './failure.js';
import { launcherGone } from './launcher.js';

const folder = resolve(process.env.DATA_DIR || '.data', 'stack');
const prometheusUrl = 'http://127.0.0.1:9090';
const grafanaUrl = 'http://127.0.0.1:3030';
const jaegerUrl = 'http://127.0.0.1:16686';

/** What `docker compose up` starts beside the services, from the same configuration, where the programs are on this machine. */
const programs = [
  {
    name: 'prometheus',
    url: prometheusUrl,
    args: () => [
      '--config.file=prometheus/prometheus.yml',
      `--storage.tsdb.path=${join(folder, 'prometheus')}`,
      '--storage.tsdb.retention.time=30d',
      '--enable-feature=exemplar-storage',
      `--web.listen-address=${new URL(prometheusUrl).host}`,
    ],
  },
  {
    name: 'jaeger',
    url: jaegerUrl,
    args: () => ['--config', 'jaeger/config.yml'],
    env: { PROMETHEUS_URL: prometheusUrl },
  },
  {
    name: 'grafana',
    url: grafanaUrl,
    args: (program) => ['server', '--homepath', grafanaHome(program)],
    env: {
      ...parseEnv(readFileSync('grafana/grafana.env', 'utf8')),
      GF_SERVER_HTTP_ADDR: new URL(grafanaUrl).hostname,
      GF_SERVER_HTTP_PORT: new URL(grafanaUrl).port,
      GF_PATHS_DATA: join(folder, 'grafana'),
      GF_PATHS_LOGS: join(folder, 'grafana', 'log'),
      GF_PATHS_PLUGINS: join(folder, 'grafana', 'plugins'),
      GF_PATHS_PROVISIONING: resolve('grafana/provisioning'),
      GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: resolve('grafana/dashboards/ballast-overview.json'),
      DASHBOARDS_PATH: resolve('grafana/dashboards'),
      PROMETHEUS_URL: prometheusUrl,
      JAEGER_URL: jaegerUrl,
      JAEGER_UI_URL: jaegerUrl,
    },
  },
];

await main(async () => {
  await step('build', build);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'targets.json'), JSON.stringify(await targets(), null, 2));

  const found = programs.map((program) => ({ ...program, file: onPath(program.name) }));
  const missing = found.filter(({ file }) => !file).map(({ name }) => name);
  const started = found.filter(({ file }) => file).map(start);
  if (started.length === 0)
    throw new Failure(`None of ${missing.join(', ')} is on PATH. Install them, or use \`docker compose up\`.`);
  process.stdout.write(`\n${started.map(({ name, url }) => `  ${name.padEnd(10)}   ${url}`).join('\n')}\n`);
  if (missing.length > 0) process.stdout.write(`\nNot on PATH, and so not started: ${missing.join(', ')}.\n`);
  process.stdout.write(
    '\nStart the services beside it:\n' +
      '  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 npx pnpm@12 start\n  npx pnpm@12 traffic\n\n' +
      `Ctrl-C stops it. Data and logs stay in ${folder}.\n\n`,
  );

  const interrupted = new Promise((resolveIt) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => resolveIt());
    void launcherGone().then(() => resolveIt());
  });
  const lost = await Promise.race([interrupted, ...started.map(({ name, exited }) => exited.then(() => name))]);
  for (const { child } of started) child.kill('SIGTERM');
  await Promise.all(started.map(({ exited }) => exited));
  if (lost) throw new Failure(`${lost} has ended; it says why in ${join(folder, `${lost}.log`)}.`);
});

/** Where Prometheus finds the services that `pnpm start` runs. */
async function targets() {
  const apps = await loadApps(portOffset());
  return apps.map(({ name, admin }) => ({ targets: [new URL(admin).host], labels: { job: name } }));
}

function start({ name, url, file, args, env }) {
  const log = openSync(join(folder, `${name}.log`), 'w');
  const child = spawn(file, args(file), {
    env: { ...process.env, ...env },
    stdio: ['ignore', log, log],
    // In a group of its own, so that Ctrl-C reaches only us.
    detached: true,
  });
  return { name, url, child, exited: new Promise((resolveIt) => child.once('exit', resolveIt)) };
}

function onPath(program) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((path) => join(path, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Where Grafana keeps its pages: above its program, or where packages put them. */
function grafanaHome(program) {
  const above = dirname(dirname(realpathSync(program)));
  return existsSync(join(above, 'conf/defaults.ini')) ? above : '/usr/share/grafana';
}
