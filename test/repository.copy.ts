import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '@app/testing';
import { portOffset } from './port-offset.js';

const left = ['.git', '.data', 'node_modules', 'coverage'];
/** How long any command may take: that of the drill runs all tests. */
const longestMs = 30 * 60_000;

interface Ended {
  code: number;
  output: string;
}

/** This working tree once more, under git and installed, for what changes a repository. */
export class RepositoryCopy {
  // Spelled out, because the drill runs this file as it is, and Node strips types only.
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<RepositoryCopy> {
    const copy = new RepositoryCopy(await mkdtemp(join(tmpdir(), 'ballast-copy-')));
    // Some tests of a copy run as another user.
    await chmod(copy.folder, 0o755);
    // With what was built, so that only what is new has to be.
    await cp('.', copy.folder, {
      recursive: true,
      preserveTimestamps: true,
      filter: (file) => !left.includes(basename(file)),
    });
    await copy.succeed('git', 'init', '--quiet');
    await copy.commit('copy');
    await copy.succeed('pnpm', 'install', '--offline', '--frozen-lockfile');
    return copy;
  }

  /** Runs a command to its end. Programs of the copy's packages come first. */
  async run(command: string, ...args: string[]): Promise<Ended> {
    const { NODE_OPTIONS: _, ...env } = process.env;
    const child = promisify(execFile)(command, args, {
      cwd: this.folder,
      env: { ...env, GENERATE: '', PATH: [join(this.folder, 'node_modules/.bin'), process.env.PATH].join(delimiter) },
      timeout: longestMs,
      maxBuffer: 64 * 1024 * 1024,
    });
    child.child.stdin?.end();
    return child.then(
      ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
      ({ code, stdout, stderr }) => ({ code, output: stdout + stderr }),
    );
  }

  /** @throws Error with the output of a command that fails */
  async succeed(command: string, ...args: string[]): Promise<string> {
    const { code, output } = await this.run(command, ...args);
    if (code !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${code}:\n${output}`);
    return output;
  }

  jest(...files: string[]): Promise<string> {
    const jest = [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      'node_modules/jest/bin/jest.js',
    ];
    return this.succeed(process.execPath, ...jest, ...files);
  }

  read(file: string): Promise<string> {
    return readFile(join(this.folder, file), 'utf8');
  }

  async commit(message: string): Promise<void> {
    await this.succeed('git', 'add', '--all');
    const author = ['-c', 'user.name=copy', '-c', 'user.email=copy@localhost'];
    await this.succeed('git', ...author, 'commit', '--quiet', '--message', message);
  }

  /** What has changed since the last commit. */
  changes(): Promise<string> {
    return this.succeed('git', 'status', '--porcelain');
  }

  /** `pnpm start`, up to its table. */
  async start(env: Record<string, string>): Promise<StartedCopy> {
    const child = spawn(process.execPath, ['tools/dev/start.js'], {
      cwd: this.folder,
      env: {
        ...process.env,
        PATH: [join(this.folder, 'node_modules/.bin'), process.env.PATH].join(delimiter),
        PORT_OFFSET: String(portOffset()),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const started = new StartedCopy(child);
    await started.untilUp();
    return started;
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

export class StartedCopy {
  output = '';
  private readonly child: ChildProcess;
  private readonly exited: Promise<number | null>;

  constructor(child: ChildProcess) {
    this.child = child;
    this.exited = new Promise((resolve) => child.once('close', resolve));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
  }

  async untilUp(): Promise<void> {
    const ended = this.exited.then((code) => {
      throw new Error(`start ended with ${code}:\n${this.output}`);
    });
    await Promise.race([
      ended,
      eventually('all services are ready', () => this.output.includes('Ctrl-C'), { timeoutMs: 120_000 }),
    ]);
  }

  /** Where a service is, as the table says. */
  addressOf(service: string): { url: string; admin: string } {
    const [, url = '', admin = ''] = new RegExp(`^ *${service} +(\\S+) +\\S+ +(\\S+)$`, 'm').exec(this.output) ?? [];
    return { url, admin };
  }

  stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.exited;
  }
}
