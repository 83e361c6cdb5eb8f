import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { eventually } from '@app/testing';

const prometheus = 'http://127.0.0.1:9090/api/v1';
const within = { timeoutMs: 60_000 };

/**
 * Runs the stack of a copy of this repository beside its services: each is up in Prometheus' targets, has objectives, and can be chosen in
 * every dashboard that lets one choose a service. Needs Prometheus on the PATH and its port, 9090.
 */
export async function areWatched(copy, names, env) {
  const stack = spawn(process.execPath, ['tools/dev/stack.js'], {
    cwd: copy.folder,
    env: { ...process.env, PATH: [join(copy.folder, 'node_modules/.bin'), process.env.PATH].join(delimiter), ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const stopped = once(stack, 'exit');
  const untilAll = (what, found) =>
    eventually(what, async () => found().then((some) => names.every((name) => some.includes(name))), within);
  try {
    await untilAll('all are targets that are up', async () => {
      const { activeTargets } = await ask('targets?state=active');
      return activeTargets.filter(({ health }) => health === 'up').map(({ labels }) => labels.job);
    });
    await untilAll('all have objectives', async () => {
      const { result } = await ask('query?query=slo:objective:ratio');
      return result.map(({ metric }) => metric.job);
    });
    const dashboards = globSync('grafana/dashboards/*.json', { cwd: copy.folder });
    for (const file of dashboards) {
      const [, series] = /label_values\(([^"]*), job\)/.exec(readFileSync(join(copy.folder, file), 'utf8')) ?? [];
      await untilAll(`all can be chosen in ${file}`, () =>
        ask(`label/job/values?match[]=${encodeURIComponent(series)}`),
      );
    }
    process.stdout.write(
      `  up in Prometheus, with objectives, in ${dashboards.length} dashboards: ${names.join(', ')}\n`,
    );
  } finally {
    stack.kill('SIGTERM');
    await stopped;
  }
}

const ask = async (path) => (await (await fetch(`${prometheus}/${path}`)).json()).data;
