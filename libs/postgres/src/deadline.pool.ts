import { type CircuitBreakerPolicy, currentDeadline, isResilienceError, type ResilienceEvents } from '@app/resilience';
import pg from 'pg';
import { connectionFailure, failureOf, isFullPool } from './connection.failure.js';
import type { DeadlineClient, Lease, Tell } from './deadline.client.js';

/** How the database was last found by those who use it. What a statement itself did wrong says that the database answers. */
export interface LastUse {
  /** On the clock of `performance.now()`. */
  at: number;
  failure?: unknown;
}

/**
 * A pool whose waits for a connection end with the request's deadline, and that lends none while its circuit breaker is open. What runs
 * on a connection that is lent already is never refused.
 */
export class DeadlinePool extends pg.Pool {
  lastUse?: LastUse;

  constructor(
    config: pg.PoolConfig,
    readonly breaker: CircuitBreakerPolicy,
    private readonly events?: ResilienceEvents,
  ) {
    super(config);
    // The pool's options are those of its clients.
    Object.assign(this.options, { tell: this.tell });
    this.on('release', (_error, client) => {
      const lent = client as unknown as DeadlineClient;
      if (lent.lease) this.count(lent.lease);
      lent.lease = undefined;
    });
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
    const signal = currentDeadline()?.signal;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const connecting = this.lend();
    return signal ? waitFor(connecting, signal) : connecting;
  }

  private async lend(): Promise<pg.PoolClient> {
    const lease: Lease = { startedAt: performance.now(), outcome: 'success' };
    try {
      lease.permit = this.breaker.acquire();
      return Object.assign(await super.connect(), { lease });
    } catch (error) {
      const failure = isResilienceError(error) ? error : connectionFailure(error);
      lease.outcome = isResilienceError(failure) ? failure.code : 'failure';
      lease.failure = isFullPool(error) ? this.failureSince(lease.startedAt) : error;
      this.count(lease);
      throw failure;
    }
  }

  /** A pool that is full of work is load. One that is full because no connection comes about is not. */
  private failureSince(time: number): unknown {
    return this.lastUse && this.lastUse.at >= time ? this.lastUse.failure : undefined;
  }

  private count({ permit, startedAt, outcome, failure }: Lease): void {
    const now = performance.now();
    const durationMs = now - startedAt;
    const circuitOutcome = failure ? 'failure' : outcome === 'success' ? 'success' : 'neutral';
    if (permit !== undefined)
      this.breaker.record(permit, circuitOutcome, durationMs, now, failure && failureOf(failure));
    this.events?.emit({ type: 'call', client: this.breaker.client, outcome, durationMs });
  }
}

function waitFor(connecting: Promise<pg.PoolClient>, signal: AbortSignal): Promise<pg.PoolClient> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      reject(signal.reason);
      // It comes too late: straight back with it.
      connecting
        .then((client) => {
          (client as unknown as DeadlineClient).stopped(signal.reason);
          client.release();
        })
        .catch(() => undefined);
    };
    signal.addEventListener('abort', leave, { once: true });
    const settled = () => signal.removeEventListener('abort', leave);
    connecting.finally(settled).then((client) => signal.aborted || resolve(client), reject);
  });
}
