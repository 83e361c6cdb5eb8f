import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { endWithUs } from './end-with-us.js';
import { eventually } from './eventually.js';

export interface LogLine extends Record<string, unknown> {
  level: string;
  msg: string;
  trace_id?: string;
}

export interface ServiceProcessOptions {
  /** Folder of the built app: `apps/orders`. */
  folder: string;
  env: Record<string, string>;
  /** How long the start may take. @default 30000 */
  timeoutMs?: number;
}

/** A service as it runs in production: a process of its own, from its build, told all by environment. */
export class ServiceProcess {
  readonly logs: LogLine[] = [];
  /** What it wrote that is no log line. */
  output = '';
  url = '';
  admin = '';
  /** Whether it has said that it is ready, as it does once. */
  ready = false;
  readonly exited: Promise<number | null>;

  private constructor(private readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.read(line));
    }
    this.exited = new Promise((resolve) => child.once('close', (code) => resolve(code)));
  }

  /** Starts it on free ports, unless `env` names some, and waits until it is ready. */
  static async start({ timeoutMs = 30_000, ...options }: ServiceProcessOptions): Promise<ServiceProcess> {
    const service = ServiceProcess.spawn(options);
    await Promise.race([
      eventually(`${options.folder} is ready`, () => service.ready, { timeoutMs }),
      service.exited.then((code) => {
        throw new Error(
          `${options.folder} ended with code ${code}:\n${service.output}${JSON.stringify(service.logs.slice(-5), null, 2)}`,
        );
      }),
    ]).catch(async (error) => {
      await service.kill();
      throw error;
    });
    return service;
  }

  /** Starts it and waits until it listens, ready or not. */
  static async startUnready(options: Omit<ServiceProcessOptions, 'timeoutMs'>): Promise<ServiceProcess> {
    const service = ServiceProcess.spawn(options);
    await eventually(`${options.folder} listens`, () => service.url !== '');
    return service;
  }

  /** Starts it and waits for nothing. */
  static spawn({ folder, env }: Omit<ServiceProcessOptions, 'timeoutMs'>): ServiceProcess {
    return new ServiceProcess(
      endWithUs(
        spawn(process.execPath, ['--import', '@app/telemetry/register', 'dist/main.js'], {
          cwd: folder,
          env: { PATH: process.env.PATH, PORT: '0', ADMIN_PORT: '0', LOG_FORMAT: 'json', ...env },
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
      ),
    );
  }

  get pid(): number {
    return this.child.pid as number;
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Asks it to stop, as an orchestrator does, and waits for its exit code. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.exited;
  }

  /** What happens when the machine goes: no chance to end anything. */
  kill(): Promise<number | null> {
    return this.stop('SIGKILL');
  }

  private read(line: string): void {
    const entry = parse(line);
    if (!entry) {
      this.output += `${line}\n`;
      return;
    }
    this.logs.push(entry);
    if (entry.msg === 'listening' && entry.url) {
      this.url = entry.url;
      this.admin = String(entry.admin);
    }
    if (entry.msg === 'ready') this.ready = true;
  }
}

function parse(line: string): (LogLine & { url?: string; admin?: string }) | undefined {
  try {
    const entry = JSON.parse(line);
    return typeof entry?.msg === 'string' ? entry : undefined;
  } catch {
    return undefined;
  }
}
