import { connect } from 'node:net';
import { type CircuitPermit, currentDeadline, isResilienceError, type ResilienceError } from '@app/resilience';
import pg from 'pg';
import { connectionFailure, isMissingTable } from './connection.failure.js';
import { observeStatement } from './statement.durations.js';

/** Cancellations under way at once, at most: each takes a connection for a moment, of a server that may be in trouble. */
const maxCancels = 4;
const cancelTimeoutMs = 1_000;
let cancels = 0;

/** What ends a transaction must run, however late it is. */
const ending = /^\s*(rollback|commit)/i;

/** How the database was found: what it is to blame for, if it is. */
export type Tell = (failure?: unknown) => void;

/** One use of a connection, from the wait for it to its return: what the circuit breaker and the metrics count as a call. */
export interface Lease {
  permit?: CircuitPermit;
  startedAt: number;
  /** As metrics count it: `success`, or why not. */
  outcome: string;
  /** What the database is to blame for. */
  failure?: unknown;
}

/** What pg keeps of a session and its types do not tell. */
interface Session {
  processID: number;
  secretKey: number;
  host: string;
  port: number;
  connection: { stream: { destroy(): void } };
}

/**
 * A pg client whose statements end with the request's deadline: none starts after it, and the one that runs is cancelled on the server.
 * The statement then fails with the deadline's error, and one that the database is to blame for with `unavailable`.
 */
export class DeadlineClient extends pg.Client {
  lease?: Lease | undefined;
  /** We broke its connection on purpose, so nobody is to blame. */
  dropped = false;
  private readonly tell: Tell;

  constructor(config: pg.ClientConfig & { tell?: Tell } = {}) {
    super(config);
    this.tell = config.tell ?? (() => undefined);
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: (error: Error) => void): void;
  override connect(callback?: (error: Error) => void): Promise<pg.Client> | undefined {
    if (!callback) return super.connect();
    super.connect((error: Error) => {
      // Told here, because whoever waited for it may have gone.
      if (error) this.tell(connectionFailure(error));
      callback(error);
    });
    return undefined;
  }

  // pg's `query` has many forms; what it gives back tells which one it was.
  override query(...args: unknown[]): never {
    const [statement] = args as [string | { text?: string }];
    const deadline = currentDeadline();
    const text = typeof statement === 'string' ? statement : (statement.text ?? '');
    if (deadline?.signal.aborted && !ending.test(text)) return Promise.reject(deadline.signal.reason) as never;
    const result: unknown = this.send(args);
    if (!(result instanceof Promise)) return result as never;
    return observeStatement(text, this.until(result, ending.test(text) ? undefined : deadline?.signal)) as never;
  }

  private send(args: unknown[]): never {
    return (super.query as (...args: unknown[]) => never).apply(this, args);
  }

  private async until<T>(result: Promise<T>, signal?: AbortSignal): Promise<T> {
    const stop = () => cancelStatement(this);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const answer = await result;
      this.tell();
      return answer;
    } catch (error) {
      const failure = connectionFailure(error);
      this.note(failure, signal);
      throw signal?.aborted ? signal.reason : failure;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** A statement that was stopped says nothing of the database, unless that was silent for longer than it may be, or broke the connection. */
  private note(failure: unknown, signal?: AbortSignal): void {
    if (isResilienceError(failure) && !this.dropped) {
      this.tell(failure);
      if (this.lease) Object.assign(this.lease, { outcome: failure.code, failure: failure.cause });
    } else if (signal?.aborted) this.stopped(signal.reason);
    else if (!this.dropped && !isMissingTable(failure)) this.tell();
  }

  /** Its request has ended before its work did. */
  stopped({ code }: ResilienceError): void {
    if (this.lease?.outcome === 'success') this.lease.outcome = code;
  }
}

/**
 * Asks the server to cancel what this session runs. When too many are asking already, the connection is dropped instead; the server
 * notices within `client_connection_check_interval`.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
function cancelStatement(client: DeadlineClient): void {
  const { processID, secretKey, host, port, connection } = client as unknown as Session;
  if (cancels >= maxCancels) {
    client.dropped = true;
    connection.stream.destroy();
    return;
  }
  cancels += 1;
  const request = Buffer.alloc(16);
  for (const [index, value] of [16, 80_877_102, processID].entries()) request.writeInt32BE(value, index * 4);
  request.writeInt32BE(secretKey, 12);
  const socket = connect({ port, host }, () => socket.end(request));
  socket.setTimeout(cancelTimeoutMs, () => socket.destroy());
  socket.on('error', () => connection.stream.destroy());
  socket.once('close', () => {
    cancels -= 1;
  });
}
