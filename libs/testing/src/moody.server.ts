import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** Answers as it should, not at all, with 500, or cuts each connection. */
export type Mood = 'well' | 'hanging' | 'failing' | 'cutting';

export interface MoodyServerOptions {
  port?: number;
  /** Key and certificate, in PEM; without them it speaks plain HTTP. */
  tls?: { key: string; cert: string };
}

/** Some HTTP API on 127.0.0.1 that also behaves badly. */
export abstract class MoodyServer {
  mood: Mood = 'well';
  private readonly server: Server | SecureServer;

  protected constructor(tls?: MoodyServerOptions['tls']) {
    this.server = tls ? createSecureServer(tls) : createServer();
    this.server.on('request', (request, response) => {
      if (this.mood === 'hanging') return;
      if (this.mood === 'cutting') response.socket?.destroy();
      else if (this.mood === 'failing') this.fail(response);
      else this.serve(request, response);
    });
  }

  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    return `${this.server instanceof SecureServer ? 'https' : 'http'}://127.0.0.1:${port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  protected async listen(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    return this;
  }

  protected abstract serve(request: IncomingMessage, response: ServerResponse): void;

  /** How it says that it cannot. */
  protected fail(response: ServerResponse): void {
    response.writeHead(500).end('something is wrong inside');
  }
}

/** @returns the whole body, as text */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}
