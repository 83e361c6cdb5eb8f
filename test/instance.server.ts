import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** An instance of a service, which may be slow, or fail. */
export class InstanceServer {
  readonly calledAt: number[] = [];
  /** What it was asked for, each once. */
  hosts: string[] = [];
  delayMs = 2;
  status = 200;
  headers: Record<string, string> = {};

  private constructor(
    private readonly server: Server,
    readonly address: string,
    readonly port: number,
  ) {}

  static async start({ host = '127.0.0.1', port = 0 } = {}): Promise<InstanceServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, host, resolve));
    const instance = new InstanceServer(server, host, (server.address() as AddressInfo).port);
    server.on('request', async (request, response) => {
      instance.calledAt.push(performance.now());
      const { host = '' } = request.headers;
      if (!instance.hosts.includes(host)) instance.hosts.push(host);
      const { delayMs, status, headers } = instance;
      await sleep(delayMs);
      response.writeHead(status, headers).end('{}');
    });
    return instance;
  }

  get host(): string {
    return `${this.address}:${this.port}`;
  }

  calls(from: number, to = Infinity): number {
    return this.calledAt.filter((at) => at >= from && at < to).length;
  }

  /** Serves what it has begun, and closes. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    const closing = setInterval(() => this.server.closeIdleConnections(), 20);
    await closed;
    clearInterval(closing);
  }
}
