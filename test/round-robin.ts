import { Agent, createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import type { ServiceProcess } from '@app/testing';

const probeEveryMs = 50;

/** What stands in front of the instances of a service: takes turns among those that are ready, over keep-alive connections, and repeats nothing. */
export class RoundRobin {
  private readonly members = new Map<ServiceProcess, boolean>();
  private readonly agent = new Agent({ keepAlive: true });
  private turn = 0;
  private readonly probing: NodeJS.Timeout;

  private constructor(private readonly server: Server) {
    this.probing = setInterval(() => void this.probe(), probeEveryMs);
  }

  static async start(): Promise<RoundRobin> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new RoundRobin(server);
    server.on('request', (inbound, response) => {
      const member = proxy.next();
      if (!member) return void response.writeHead(503).end();
      const { method, url: path } = inbound;
      const headers = endToEnd(inbound.headers);
      const onward = request({ host: '127.0.0.1', port: member.port, agent: proxy.agent, method, path, headers });
      onward.once('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
        answer.pipe(response);
      });
      onward.once('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
      inbound.pipe(onward);
    });
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  async add(member: ServiceProcess): Promise<void> {
    this.members.set(member, false);
    await this.probe();
  }

  remove(member: ServiceProcess): void {
    this.members.delete(member);
  }

  isReady(member: ServiceProcess): boolean {
    return this.members.get(member) === true;
  }

  stop(): void {
    clearInterval(this.probing);
    this.agent.destroy();
    this.server.closeAllConnections();
    this.server.close();
  }

  private next(): ServiceProcess | undefined {
    const ready = [...this.members].flatMap(([member, isReady]) => (isReady ? [member] : []));
    return ready[this.turn++ % ready.length];
  }

  private async probe(): Promise<void> {
    for (const member of this.members.keys()) {
      const ready = await fetch(`${member.admin}/readyz`, { signal: AbortSignal.timeout(1_000) }).catch(
        () => undefined,
      );
      if (this.members.has(member)) this.members.set(member, ready?.ok ?? false);
    }
  }
}

/** A proxy's connections are its own. @see https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1 */
function endToEnd({ connection, 'keep-alive': _keepAlive, ...headers }: IncomingHttpHeaders): IncomingHttpHeaders {
  return headers;
}
