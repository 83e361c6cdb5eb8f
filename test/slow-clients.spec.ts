import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, ServiceProcess } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const requestTimeoutMs = 3_000;
const keepAliveTimeoutMs = 3_000;
const dripping = 500;
/** Fewer where a process may not open as many files. */
const idle = Math.min(10_000, openFilesLimit() - 2_000);
const ordinary = '/docs/openapi.json';

const drip = (head: string) => (socket: Socket) => {
  socket.write(head);
  const timer = setInterval(() => socket.write('x'), 200);
  socket.once('close', () => clearInterval(timer));
};
const body =
  'POST /checkout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"items":"';

const attacks: [what: string, sockets: number, attack: (socket: Socket) => void][] = [
  ['drip their headers', dripping, drip('GET / HTTP/1.1\r\nX-Drip: ')],
  ['drip their bodies', dripping, drip(body)],
  ['say nothing', idle, () => undefined],
  ['stay after their answer', dripping, (socket) => socket.write(`GET ${ordinary} HTTP/1.1\r\nHost: x\r\n\r\n`)],
  ['send garbage', dripping, (socket) => socket.write('\u0016\u0003\u0001\u0002\u0000\r\n\r\n')],
  ['send a megabyte of headers', dripping, (socket) => socket.write(`GET / HTTP/1.1\r\nX: ${'x'.repeat(1_000_000)}`)],
];

/** Collects garbage when it is told to. */
const collector = `
  import v8 from 'node:v8';
  import vm from 'node:vm';
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc');
  process.on('SIGUSR2', () => gc());`;

describe('clients that are slow, silent or worse', () => {
  let service: ServiceProcess;

  beforeAll(async () => {
    service = await ServiceProcess.startUnready({
      folder: 'apps/storefront',
      env: {
        ORDERS_URL: 'http://127.0.0.1:9',
        REQUEST_TIMEOUT_MS: String(requestTimeoutMs),
        KEEP_ALIVE_TIMEOUT_MS: String(keepAliveTimeoutMs),
        LOG_REQUESTS_RATIO: '0',
        NODE_OPTIONS: `--import data:text/javascript;base64,${Buffer.from(collector).toString('base64')}`,
      },
    });
    if (idle < 10_000) process.stdout.write(`this machine lets a process open few files: ${idle} idle connections\n`);
    await askFor(1_000);
  });
  afterAll(() => service?.stop());

  /** @returns how long the slower half of the requests took, at least, one after the other for so long */
  async function askFor(forMs: number): Promise<number> {
    const took: number[] = [];
    for (const until = performance.now() + forMs; performance.now() < until; ) {
      const startedAt = performance.now();
      const response = await fetch(service.url + ordinary, { signal: AbortSignal.timeout(requestTimeoutMs) });
      await response.arrayBuffer();
      expect(response.status).toBe(200);
      took.push(performance.now() - startedAt);
    }
    return took.sort((a, b) => a - b)[Math.floor(took.length / 2)] as number;
  }

  async function gauge(name: string): Promise<number> {
    const metrics = await (await fetch(`${service.admin}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1]);
  }

  /** Opens so many connections, and waits until the service has closed all of them. */
  async function attackWith(sockets: number, attack: (socket: Socket) => void): Promise<void> {
    const open: Socket[] = [];
    for (let n = 0; n < sockets; n++) {
      const socket = connect(service.port, '127.0.0.1', () => attack(socket)).on('error', () => undefined);
      open.push(socket.resume());
      // No more at once than the kernel keeps in line.
      if (n % 200 === 199) await sleep(10);
    }
    const closed = async () => (await gauge('nodejs_active_handles_total')) < 50;
    await eventually('the service has closed all', closed, {
      timeoutMs: 5 * (requestTimeoutMs + keepAliveTimeoutMs),
      everyMs: 200,
    });
    for (const socket of open) socket.destroy();
  }

  it.each(attacks)('which %s are cut off, and all others served meanwhile', async (_what, sockets, attack) => {
    const alone = await askFor(500);
    let over = false;
    const attacked = attackWith(sockets, attack).finally(() => {
      over = true;
    });
    do await askFor(200);
    while (!over);
    await attacked;
    expect(await askFor(500)).toBeLessThan(5 * alone);
  });

  it('take no memory with them', async () => {
    const heapUsed = async () => {
      process.kill(service.pid, 'SIGUSR2');
      await sleep(500);
      return gauge('nodejs_heap_size_used_bytes');
    };
    const before = await heapUsed();
    await attackWith(idle, () => undefined);
    expect(await heapUsed()).toBeLessThan(1.1 * before);
  });
});

function openFilesLimit(): number {
  try {
    const [, hard] = /^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return Number(hard ?? 1_000_000);
  } catch {
    return 4_000;
  }
}
