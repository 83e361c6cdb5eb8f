import { createRequire } from 'node:module';
import type { Dispatcher, Agent as UndiciAgent } from 'undici';
import { SourceFailure, type SourceFailureReason } from './source.failure.js';

// Of undici only what the HTTP client has loaded already.
const require = createRequire(import.meta.url);
const Agent: typeof UndiciAgent = require('undici/lib/dispatcher/agent.js');
const request: Dispatcher['request'] = require('undici/lib/api/api-request.js');

/** No registry has more to say of one service. */
const maxResponseBytes = 16 * 1024 * 1024;

const reasons: Record<number, SourceFailureReason> = { 401: 'refused', 403: 'refused', 404: 'not_found' };

export interface Question {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  headers?: Record<string, string>;
  body?: string;
  signal: AbortSignal;
  /** How long the whole answer may take. */
  timeoutMs: number;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** Asks the HTTP API of a registry, with bounds on time and size. Its errors repeat neither headers nor answers, which may hold secrets. */
export class RegistryClient {
  private readonly agent: UndiciAgent;

  /**
   * @param registry its name, for errors
   * @param url its base address
   * @param ca certificates that it is trusted by, beside the system's, in PEM
   */
  constructor(
    private readonly registry: string,
    private readonly url: string,
    ca?: string,
  ) {
    this.agent = new Agent({
      connections: 4,
      maxResponseSize: maxResponseBytes,
      headersTimeout: 0,
      bodyTimeout: 0,
      ...(ca !== undefined && { connect: { ca } }),
    });
  }

  /** @throws SourceFailure for an answer that is not a 2xx; what the transport throws, or the timeout */
  async ask(path: string, question: Question): Promise<Answer> {
    const { statusCode, headers, body } = await this.send(path, question);
    const text = await body.text();
    this.check(statusCode);
    return { status: statusCode, headers, text };
  }

  /** The lines of an answer as they come, each one JSON. @throws as {@link ask} */
  async *lines(path: string, question: Question): AsyncGenerator<unknown> {
    const { statusCode, body } = await this.send(path, question);
    try {
      this.check(statusCode);
      let rest = '';
      body.setEncoding('utf8');
      for await (const chunk of body) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() as string;
        for (const line of lines) if (line) yield parse(line);
      }
    } finally {
      body.on('error', () => undefined).destroy();
    }
  }

  close(): void {
    void this.agent.destroy().catch(() => undefined);
  }

  private send(path: string, { method = 'GET', headers = {}, body, signal, timeoutMs }: Question) {
    const url = new URL(this.url.replace(/\/$/, '') + path);
    const bound = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const options = { origin: url.origin, path: url.pathname + url.search, method, headers, body: body ?? null };
    return request.call(this.agent, { ...options, signal: bound });
  }

  private check(status: number): void {
    if (status >= 200 && status < 300) return;
    throw new SourceFailure(reasons[status] ?? 'failed', `${this.registry} answered with ${status}`, {
      cause: { status },
    });
  }
}

export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SourceFailure('failed', 'the answer is not JSON');
  }
}
