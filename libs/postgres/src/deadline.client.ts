import { connect } from 'node:net';
import { currentDeadline, isResilienceError } from '@app/resilience';
import pg from 'pg';
import { connectionFailure, isFullPool, isMissingTable } from './connection.failure.js';
import { observeStatement } from './statement.durations.js';

/** Cancellations under way at once, at most: each takes a connection for a moment, of a server that may be in trouble. */
const maxCancels = 4;
const cancelTimeoutMs = 1_000;
let cancels = 0;

/** What ends a transaction must run, however late it is. */
const ending = /^\s*(rollback|commit)/i;

/** How the database was last found by those who use it. What a statement itself did wrong says that the database answers. */
export interface LastUse {
  /** On the clock of `performance.now()`. */
  at: number;
  failure?: unknown;
}

type Tell = (failure?: unknown) => void;

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
  private readonly tell: Tell;

  constructor(config: pg.ClientConfig & { tell?: Tell } = {}) {
    super(config);
    this.tell = config.tell ?? (() => undefined);
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
    const stop = () => cancelStatement(this as unknown as Session);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const answer = await result;
      this.tell();
      return answer;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      const failure = connectionFailure(error);
      if (!isMissingTable(error)) this.tell(isResilienceError(failure) ? failure : undefined);
      throw failure;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }
}

/** A pool whose waits for a connection end with the request's deadline. */
export class DeadlinePool extends pg.Pool {
  lastUse?: LastUse;

  constructor(config: pg.PoolConfig = {}) {
    super(config);
    // The pool's options are those of its clients.
    Object.assign(this.options, { tell: this.tell });
  }

  private readonly tell: Tell = (failure) => {
    this.lastUse = { at: performance.now(), failure };
  };

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Parameters<pg.Pool['connect']>[0]): void;
  override connect(callback?: Parameters<pg.Pool['connect']>[0]): Promise<pg.PoolClient> | undefined {
    if (callback) {
      super.connect(callback);
      return undefined;
    }
    const deadline = currentDeadline();
    const connecting = super.connect().catch((error) => {
      const failure = connectionFailure(error);
      if (!isFullPool(error)) this.tell(failure);
      throw failure;
    });
    return deadline ? waitFor(connecting, deadline.signal) : connecting;
  }
}

function waitFor(connecting: Promise<pg.PoolClient>, signal: AbortSignal): Promise<pg.PoolClient> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      reject(signal.reason);
      // It comes too late: straight back with it.
      connecting.then((client) => client.release()).catch(() => undefined);
    };
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    const settled = () => signal.removeEventListener('abort', leave);
    connecting.finally(settled).then((client) => signal.aborted || resolve(client), reject);
  });
}

/**
 * Asks the server to cancel what this session runs. When too many are asking already, the connection is dropped instead; the server
 * notices within `client_connection_check_interval`.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
function cancelStatement({ processID, secretKey, host, port, connection }: Session): void {
  if (cancels >= maxCancels) {
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
