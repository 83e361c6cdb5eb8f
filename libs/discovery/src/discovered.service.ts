import type { Balancer, Instance, ServiceAddress } from '@app/resilience';
import type { BalancedInstance } from './balancer/balanced.instance.js';
import { type BalancerEvents, InstanceBalancer } from './balancer/instance.balancer.js';
import type { DiscoveryOptions } from './discovery.env.js';
import { follow } from './sources/follow.js';
import { failureOf, type SourceFailureReason } from './sources/source.failure.js';
import type { Endpoint, Source } from './sources/source.js';

export interface DiscoveryEvents extends BalancerEvents {
  /** The last list, of `known` instances, stays. `isNew`: it did not fail before, or for another reason. */
  failed(reason: SourceFailureReason, error: unknown, state: { isNew: boolean; known: number }): void;
  /** @param failures how many there were before this list */
  found(known: number, failures: number): void;
}

/** The instances of one service: where they are, as its source tells, and how they are, as its balancer does. */
export class DiscoveredService implements Balancer {
  readonly balancer: InstanceBalancer;
  /** Why its source fails at the moment. */
  failing: SourceFailureReason | undefined;
  private failures = 0;
  /** When its source last told, or confirmed, a list. */
  private toldAt: number;
  private readonly ending = new AbortController();
  private readonly first = Promise.withResolvers<void>();

  constructor(
    readonly client: string,
    address: ServiceAddress,
    source: Source,
    options: DiscoveryOptions,
    private readonly events: DiscoveryEvents,
  ) {
    this.balancer = new InstanceBalancer(address.scheme, options, events);
    this.toldAt = performance.now();
    void follow(source, address, options, this, this.ending.signal);
  }

  get ageMs(): number {
    return performance.now() - this.toldAt;
  }

  pick(previous?: Instance): BalancedInstance | undefined {
    return this.balancer.pick(previous);
  }

  record(instance: Instance, outcome: 'success' | 'failure' | 'neutral', durationMs: number): void {
    this.balancer.record(instance, outcome, durationMs);
  }

  going(instance: Instance): void {
    this.balancer.going(instance);
  }

  known(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => reject(signal.reason);
      if (signal.aborted) end();
      signal.addEventListener('abort', end, { once: true });
      this.first.promise.then(() => {
        signal.removeEventListener('abort', end);
        resolve();
      });
    });
  }

  view(): object {
    const now = performance.now();
    const endpoints = Array.from(this.balancer.instances, (instance) => ({
      address: new URL(instance.origin).host,
      zone: instance.endpoint.zone,
      weight: instance.weight,
      score: round(instance.score(now)),
      latencyMs: round(instance.latency.at(now)),
      inFlight: instance.latency.inFlight,
      ejectedForMs: Math.max(0, Math.round(instance.ejectedUntil - now)),
    }));
    return { ageMs: Math.round(this.ageMs), failing: this.failing ?? false, ...this.balancer.counts, endpoints };
  }

  close(): void {
    this.ending.abort();
  }

  found(endpoints: readonly Endpoint[]): void {
    this.toldAt = performance.now();
    this.balancer.update(endpoints, this.toldAt);
    this.events.found(this.balancer.counts.known, this.failures);
    this.failures = 0;
    this.failing = undefined;
    this.first.resolve();
  }

  failed(error: unknown): void {
    this.failures += 1;
    const reason = failureOf(error);
    const isNew = reason !== this.failing;
    this.failing = reason;
    this.events.failed(reason, error, { isNew, known: this.balancer.counts.known });
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
