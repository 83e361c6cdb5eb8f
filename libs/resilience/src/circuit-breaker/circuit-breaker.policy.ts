import { failureReason } from '../errors/failure-reason.js';
import { ResilienceError } from '../errors/resilience.error.js';
import type { ResilienceEvents } from '../events/resilience.events.js';
import {
  type CircuitBreakerOptions,
  circuitBreakerOptions,
  type ResolvedCircuitBreakerOptions,
} from './circuit-breaker.options.js';
import { SlidingWindow } from './sliding-window.js';

export type CircuitState =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly until: number; readonly openings: number }
  | { readonly kind: 'half-open'; admitted: number; succeeded: number; readonly openings: number }
  | { readonly kind: 'forced-open' }
  | { readonly kind: 'forced-closed' };

/** What a call says of the service: a cancellation, or a fault of the caller's, says nothing and is neutral. */
export type CircuitOutcome = 'success' | 'failure' | 'neutral';

/** Names the state in which a call was let through. Results from an earlier state are ignored. */
export type CircuitPermit = number;

const closed: CircuitState = { kind: 'closed' };

/** Different causes that are kept for the line that tells of a transition. */
const maxCauses = 3;

/**
 * Cuts off a service that keeps failing, so that callers fail fast and the service can recover.
 *
 * Closed, it counts; too many failures or slow calls open it. Open, it refuses; after a while it is half-open and lets a few probes
 * through. They all succeed, and it closes; one fails, and it is open again, for longer.
 *
 * @see https://martinfowler.com/bliki/CircuitBreaker.html
 * @see https://github.com/sony/gobreaker for the generation counter
 */
export class CircuitBreaker {
  readonly options: ResolvedCircuitBreakerOptions;
  private current: CircuitState = closed;
  private generation = 0;
  private readonly window: SlidingWindow;
  /** What the last calls of this state failed with. */
  private causes: string[] = [];

  /** @throws ZodError naming every option that is out of range */
  constructor(
    readonly client: string,
    options: CircuitBreakerOptions = {},
    private readonly events?: ResilienceEvents,
  ) {
    this.options = circuitBreakerOptions.parse(options);
    this.window = new SlidingWindow(this.options.windowMs, performance.now());
  }

  /** The state now: one that has been open long enough still says `open` until a call comes. */
  get state(): CircuitState {
    return this.current;
  }

  /** Counts of the window, for operators. */
  get counts(): { calls: number; failures: number; slow: number } {
    this.window.advance(performance.now());
    const { calls, failures, slow } = this.window;
    return { calls, failures, slow };
  }

  /** Runs `call` if the state allows it. A thrown error is a failure, unless `classify` knows better. */
  async execute<T>(call: () => Promise<T>, classify: (error: unknown) => CircuitOutcome = () => 'failure'): Promise<T> {
    const permit = this.acquire();
    const startedAt = performance.now();
    try {
      const value = await call();
      this.record(permit, 'success', performance.now() - startedAt);
      return value;
    } catch (error) {
      const now = performance.now();
      this.record(permit, classify(error), now - startedAt, now, error);
      throw error;
    }
  }

  /**
   * Lets a call through. Whoever gets a permit must {@link record} how the call ended.
   * @throws ResilienceError `circuit_open`
   */
  acquire(): CircuitPermit {
    const { current } = this;
    if (current.kind === 'closed' || current.kind === 'forced-closed') return this.generation;
    const { refusal } = this;
    if (refusal) throw refusal;
    if (current.kind === 'half-open') current.admitted += 1;
    if (current.kind === 'open')
      this.enter({ kind: 'half-open', admitted: 1, succeeded: 0, openings: current.openings });
    return this.generation;
  }

  /** What {@link acquire} would throw now, if it would: for who would otherwise prepare a call in vain. */
  get refusal(): ResilienceError | undefined {
    const { current, client } = this;
    if (current.kind === 'closed' || current.kind === 'forced-closed') return undefined;
    const now = performance.now();
    if (current.kind === 'open' && now >= current.until) return undefined;
    if (current.kind === 'half-open' && current.admitted < this.options.halfOpenProbes) return undefined;
    return new ResilienceError({ code: 'circuit_open', client, retryAfterMs: this.retryAfterMs(now) });
  }

  /** @param error what a failure failed with, for the line that tells of a transition */
  record(
    permit: CircuitPermit,
    outcome: CircuitOutcome,
    durationMs: number,
    now = performance.now(),
    error?: unknown,
  ): void {
    const { current } = this;
    if (permit !== this.generation || (current.kind !== 'closed' && current.kind !== 'half-open')) return;
    if (outcome === 'neutral') {
      // Its place is free again for a probe that says something.
      if (current.kind === 'half-open') current.admitted -= 1;
      return;
    }
    const failed = outcome === 'failure';
    const slow = durationMs > (this.options.slowCallMs ?? Infinity);
    this.window.add(now, failed, slow);
    if (failed || slow) this.remember(failed ? failureReason(error) : 'slow');
    if (current.kind === 'closed') this.judge();
    else if (failed || slow) this.open(current.openings + 1);
    else if (++current.succeeded >= this.options.halfOpenProbes) this.enter(closed);
  }

  /** Refuses every call until {@link reset}. */
  forceOpen(): void {
    this.enter({ kind: 'forced-open' });
  }

  /** Lets every call through until {@link reset}. */
  forceClosed(): void {
    this.enter({ kind: 'forced-closed' });
  }

  /** Closed, with nothing counted. */
  reset(): void {
    this.enter(closed);
  }

  private judge(): void {
    const { failureRatio, slowCallRatio, minimumThroughput } = this.options;
    const { window } = this;
    if (window.calls < minimumThroughput) return;
    // Divided, not multiplied: 0.1 * 30 is more than 3, 3 / 30 is 0.1.
    if (window.failures / window.calls >= failureRatio || window.slow / window.calls >= slowCallRatio) this.open(0);
  }

  private remember(cause: string): void {
    if (this.causes.includes(cause)) return;
    if (this.causes.length >= maxCauses) this.causes.shift();
    this.causes.push(cause);
  }

  /** Twice as long after each failed try, and never quite as long as other instances, so that their probes do not come together. */
  private open(openings: number): void {
    const { openMs, maxOpenMs } = this.options;
    const longest = Math.min(maxOpenMs, openMs * 2 ** openings);
    this.enter({ kind: 'open', until: performance.now() + longest * (0.9 + 0.1 * Math.random()), openings });
  }

  private retryAfterMs(now: number): number {
    return this.current.kind === 'open' ? this.current.until - now : this.options.openMs;
  }

  private enter(next: CircuitState): void {
    const from = this.current.kind;
    const { client, counts, causes } = this;
    this.current = next;
    this.generation += 1;
    this.window.clear();
    this.causes = [];
    if (from !== next.kind) this.events?.emit({ type: 'transition', client, from, to: next.kind, ...counts, causes });
  }
}
