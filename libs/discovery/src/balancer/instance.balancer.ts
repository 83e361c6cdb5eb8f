import type { Balancer, Instance } from '@app/resilience';
import type { BalancerOptions } from '../discovery.env.js';
import type { Endpoint } from '../sources/source.js';
import { BalancedInstance } from './balanced.instance.js';
import { type Choice, PowerOfTwoChoices, RoundRobin } from './choice.js';
import { Latency } from './latency.js';
import { type EjectionReason, OutlierDetector } from './outlier.detector.js';

/** Of all instances, at most so many are ejected at once, however badly they do: then the service is at fault, and its breaker's turn. */
const mostEjected = 0.5;
/** How fast the latency that is assumed of a new instance follows what others show. */
const typicalShare = 0.05;

export interface BalancerEvents {
  removed(instance: BalancedInstance): void;
  ejected(instance: BalancedInstance, reason: EjectionReason, forMs: number): void;
}

/** Chooses among the instances of one service: whom to call, and whom to leave alone for a while. */
export class InstanceBalancer implements Pick<Balancer, 'pick' | 'record' | 'going'> {
  private readonly byKey = new Map<string, BalancedInstance>();
  private readonly detector: OutlierDetector | undefined;
  private choice: Choice | undefined;
  /** The instances that {@link choice} is among. */
  private inUse: BalancedInstance[] = [];
  /** When the next of the ejected may come back. */
  private nextReturn = Infinity;
  private typicalMs = 0;

  constructor(
    private readonly scheme: string,
    private readonly options: BalancerOptions,
    private readonly events: BalancerEvents,
  ) {
    if (options.ejection) this.detector = new OutlierDetector(options.ejection.failures);
  }

  get instances(): Iterable<BalancedInstance> {
    return this.byKey.values();
  }

  get counts(): { known: number; ejected: number; in_use: number } {
    const known = this.byKey.size;
    return { known, ejected: this.ejected(performance.now()).length, in_use: this.inUse.length };
  }

  /** From now on these are the instances. Those that were known keep what is known of them. */
  update(endpoints: readonly Endpoint[], now = performance.now()): void {
    const gone = new Set(this.byKey.keys());
    const fresh: [string, Endpoint][] = [];
    for (const endpoint of endpoints) {
      const key = `${endpoint.host} ${endpoint.port} ${endpoint.name ?? ''}`;
      const known = this.byKey.get(key);
      if (known) known.endpoint = endpoint;
      else fresh.push([key, endpoint]);
      gone.delete(key);
    }
    for (const key of gone) this.remove(key);
    const taken = new Set(Array.from(this.byKey.values(), ({ index }) => index));
    let index = 0;
    for (const [key, endpoint] of fresh) {
      if (this.byKey.has(key)) continue;
      while (taken.has(index)) index += 1;
      taken.add(index);
      const latency = new Latency(this.options.decayMs, this.typicalMs, now);
      this.byKey.set(key, new BalancedInstance(endpoint, this.scheme, index, latency, this.options.warmUpMs, now));
    }
    this.choose(now);
  }

  pick(previous?: Instance): BalancedInstance | undefined {
    const now = performance.now();
    if (now >= this.nextReturn) this.choose(now);
    const chosen = this.choice?.choose(previous as BalancedInstance | undefined, now);
    if (!chosen) return undefined;
    chosen.picks += 1;
    chosen.latency.begin(now);
    return chosen;
  }

  record(picked: Instance, outcome: 'success' | 'failure' | 'neutral', durationMs: number): void {
    const instance = picked as BalancedInstance;
    const now = performance.now();
    instance.latency.end(durationMs, outcome === 'success', now);
    if (outcome === 'neutral') return;
    if (outcome === 'success') this.typicalMs += (durationMs - this.typicalMs) * typicalShare;
    const reason = this.detector?.judge(instance, outcome === 'failure', now);
    if (reason && this.mayEject(now)) this.eject(instance, reason, now);
  }

  going(picked: Instance): void {
    this.eject(picked as BalancedInstance, 'going', performance.now());
  }

  private remove(key: string): void {
    const instance = this.byKey.get(key);
    if (!instance) return;
    instance.removed = true;
    this.byKey.delete(key);
    this.events.removed(instance);
  }

  private mayEject(now: number): boolean {
    return this.ejected(now).length + 1 <= this.byKey.size * mostEjected;
  }

  private ejected(now: number): BalancedInstance[] {
    return [...this.byKey.values()].filter(({ ejectedUntil }) => ejectedUntil > now);
  }

  /** For twice as long each time, until it has been well for as long as an ejection may be. */
  private eject(instance: BalancedInstance, reason: EjectionReason, now: number): void {
    // The calls that were under way say nothing new.
    if (instance.removed || instance.ejectedUntil > now) return;
    const { ms, maxMs } = this.options.ejection || ejectionOfGoing;
    if (instance.ejectedUntil + maxMs < now || reason === 'going') instance.ejections = 0;
    const forMs = Math.min(maxMs, ms * 2 ** instance.ejections);
    instance.eject(now + forMs);
    this.choose(now);
    this.events.ejected(instance, reason, forMs);
  }

  private choose(now: number): void {
    const all = [...this.byKey.values()];
    const well = all.filter(({ ejectedUntil }) => ejectedUntil <= now);
    // All may be going at once; one of them may still answer.
    this.inUse = well.length > 0 ? well : all;
    this.nextReturn = Math.min(...all.map(({ ejectedUntil }) => (ejectedUntil > now ? ejectedUntil : Infinity)));
    const { balancer, zone } = this.options;
    if (all.length === 0) this.choice = undefined;
    else if (balancer === 'round-robin') this.choice = new RoundRobin(this.inUse);
    else this.choice = new PowerOfTwoChoices(this.inUse, zone);
  }
}

/** Where nobody is ejected for failing, who is going is left alone all the same. */
const ejectionOfGoing = { ms: 10_000, maxMs: 10_000 };
