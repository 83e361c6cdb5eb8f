import { ResilienceError } from '../errors/resilience.error.js';
import { type BulkheadOptions, bulkheadOptions, type ResolvedBulkheadOptions } from './bulkhead.options.js';

interface Waiting {
  enter(): void;
}

/**
 * Limits the calls to one service that are under way, so that a slow one cannot take all that this process has.
 * Calls over the limit wait in line, first come, first served; over the line's limit they are refused.
 */
export class Bulkhead {
  readonly options: ResolvedBulkheadOptions;
  private underway = 0;
  private readonly line = new Set<Waiting>();

  /** @throws ZodError naming every option that is out of range */
  constructor(
    readonly client: string,
    options: BulkheadOptions = {},
  ) {
    this.options = bulkheadOptions.parse(options);
  }

  get inUse(): number {
    return this.underway;
  }

  get queued(): number {
    return this.line.size;
  }

  /**
   * Runs `call` when there is a place for it. A call that waits leaves the line when the signal of `until` aborts, with its reason.
   * @throws ResilienceError `bulkhead_full`
   */
  async execute<T>(call: () => Promise<T>, until?: { readonly signal: AbortSignal }): Promise<T> {
    if (!this.tryEnter()) await this.wait(until?.signal);
    try {
      return await call();
    } finally {
      this.leave();
    }
  }

  /** Takes a place if there is one at once. Whoever gets it must {@link leave}. */
  tryEnter(): boolean {
    if (this.underway >= this.options.maxConcurrent) return false;
    this.underway += 1;
    return true;
  }

  /** Waits for a place. Whoever gets it must {@link leave}. */
  wait(signal?: AbortSignal): Promise<void> {
    if (this.line.size >= this.options.maxQueued) {
      return Promise.reject(new ResilienceError({ code: 'bulkhead_full', client: this.client }));
    }
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const waiting = {
        enter: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      const leave = () => {
        this.line.delete(waiting);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.line.add(waiting);
    });
  }

  /** Gives the place to the next in line, or back. */
  leave(): void {
    const [next] = this.line;
    if (!next) {
      this.underway -= 1;
      return;
    }
    this.line.delete(next);
    next.enter();
  }
}
