import { closeSync, openSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@app/testing';
import { ask, end, start } from './children.js';
import { onServerCore } from './cores.js';

const folder = join(import.meta.dirname, '..');
const probe = join(import.meta.dirname, 'probe.js');
const startTimeoutMs = 30_000;

/** A contestant that runs on the server's core. Its standard output goes to a file, of which only the lines are counted. */
export class ContestantProcess {
  #child;
  #output;

  constructor(contestant, child, port, output) {
    this.contestant = contestant;
    this.url = `http://127.0.0.1:${port}`;
    this.#child = child;
    this.#output = output;
  }

  /** Starts it and waits until it answers `path`. With `probed: false` nothing of ours is loaded into it. */
  static async start(contestant, { env, path, probed = true }) {
    const port = await freePort();
    const output = join(tmpdir(), `ballast-bench-${process.pid}-${port}.log`);
    const fd = openSync(output, 'a');
    const args = [
      ...(probed ? ['--import', probe] : []),
      ...(contestant.preload ?? []),
      join('dist', `${contestant.script}.js`),
    ];
    const startedAt = performance.now();
    const child = start(onServerCore(args), {
      cwd: folder,
      env: { ...environment(contestant, port), ...env },
      stdout: fd,
      ipc: probed,
    });
    closeSync(fd);
    const server = new ContestantProcess(contestant, child, port, output);
    await server.#answers(path);
    server.startMs = performance.now() - startedAt;
    return server;
  }

  get pid() {
    return this.#child.pid;
  }

  /** CPU time used so far, by all threads, in microseconds. */
  cpuTime() {
    return ask(this.#child, 'cpu');
  }

  /** How long it has waited for its core so far because others were on it, in milliseconds. Only Linux tells. */
  waitedForCore() {
    try {
      return Number(readFileSync(`/proc/${this.pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
    } catch {
      return 0;
    }
  }

  /** Lines written since this was last asked. */
  takeLogLines() {
    const bytes = readFileSync(this.#output);
    truncateSync(this.#output);
    let lines = 0;
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines += 1;
    return lines;
  }

  async stop() {
    await end(this.#child);
    rmSync(this.#output, { force: true });
  }

  async #answers(path) {
    let ended;
    this.#child.exited.then((how) => {
      ended = how;
    });
    for (const deadline = performance.now() + startTimeoutMs; performance.now() < deadline && !ended; await sleep(5)) {
      const response = await fetch(this.url + path).catch(() => undefined);
      await response?.arrayBuffer();
      if (response?.ok) return;
    }
    await this.stop();
    throw new Error(`${this.contestant.name} does not answer ${path}: ${ended ?? 'it hangs'}`);
  }
}

/** The same for all of them, and nothing of ours that they do not need. Metrics are for a scrape, so OpenTelemetry sends none. */
function environment({ sampled = 0, env }, port) {
  const { PATH, HOME } = process.env;
  return {
    PATH,
    HOME,
    NODE_ENV: 'production',
    PORT: String(port),
    ADMIN_PORT: '0',
    OTEL_SERVICE_NAME: 'bench',
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: String(sampled),
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    // Sent within the rest after a burst, and not in the burst of the next contestant.
    OTEL_BSP_SCHEDULE_DELAY: '100',
    ...env,
  };
}
