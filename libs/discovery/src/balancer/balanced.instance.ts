import type { Instance } from '@app/resilience';
import type { Endpoint } from '../sources/source.js';
import { Latency } from './latency.js';
import { Outcomes } from './outcomes.js';

/** A score is never 0: one instance may be twice as good as another, and none infinitely. */
const leastMs = 0.1;
/** With how little of its share a new instance begins. */
const coldest = 0.1;

/** One instance, and what its calls have shown of it. */
export class BalancedInstance implements Instance {
  readonly origin: string;
  readonly name: string | undefined;
  readonly outcomes = new Outcomes();
  consecutiveFailures = 0;
  /** Since they were last counted. */
  picks = 0;
  ejections = 0;
  /** On the clock of `performance.now()`; in the past while it is not ejected. */
  ejectedUntil = 0;
  removed = false;
  /** Since when it has been getting calls; it warms up from there. */
  private since: number;

  /** @param index its number, which a successor may take when it has gone */
  constructor(
    public endpoint: Endpoint,
    scheme: string,
    readonly index: number,
    readonly latency: Latency,
    private readonly warmUpMs: number,
    now: number,
  ) {
    const { host, port, name } = endpoint;
    this.origin = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
    this.name = name;
    this.since = now;
  }

  get weight(): number {
    return Math.max(0, this.endpoint.weight ?? 1);
  }

  /** What a call to it costs, compared with others: how long it takes, for all that it has to do, and more while it is new. */
  score(now: number): number {
    const age = (now - this.since) / this.warmUpMs;
    const warmth = age >= 1 ? 1 : Math.max(coldest, age);
    return ((this.latency.at(now) + leastMs) * (this.latency.inFlight + 1)) / warmth;
  }

  eject(until: number): void {
    this.ejections += 1;
    this.ejectedUntil = until;
    this.since = until;
    this.consecutiveFailures = 0;
    this.outcomes.clear();
  }
}
