import type { BalancedInstance } from './balanced.instance.js';
import { Sampler } from './sampler.js';

/** A way to choose among the instances that get calls. Made anew whenever those change. */
export interface Choice {
  choose(not: BalancedInstance | undefined, now: number): BalancedInstance;
}

/** How much slower an instance of another zone seems than one of our own. */
const otherZone = 4;

/**
 * Power of two choices: two are drawn by their weights, the first of them from our own zone, and the first is taken unless the second
 * is better: who is twice as slow keeps a quarter of its calls, who is 20 times as slow one in 400. So weights hold among those that are
 * well, and who has been slow is tried now and then.
 *
 * @see https://www.eecs.harvard.edu/~michaelm/postscripts/handbook2001.pdf
 */
export class PowerOfTwoChoices implements Choice {
  private readonly all: Sampler;
  private readonly near: Sampler;

  constructor(
    instances: readonly BalancedInstance[],
    private readonly zone: string | undefined,
  ) {
    this.all = new Sampler(instances);
    const near = zone === undefined ? [] : instances.filter(({ endpoint }) => endpoint.zone === zone);
    this.near = near.length > 0 ? new Sampler(near) : this.all;
  }

  choose(not: BalancedInstance | undefined, now: number): BalancedInstance {
    const { all, near } = this;
    let first = near.drawOther(not);
    if (first === not) first = all.drawOther(not);
    const second = all.drawOther(first);
    if (second === not || second === first) return first;
    const ratio = this.cost(second, now) / this.cost(first, now);
    return ratio >= 1 || Math.random() < ratio * ratio ? first : second;
  }

  private cost(instance: BalancedInstance, now: number): number {
    const far = this.near !== this.all && instance.endpoint.zone !== this.zone;
    return instance.score(now) * (far ? otherZone : 1);
  }
}

/** One after the other, whatever their weights, zones and latencies; the first is drawn, so that clients do not begin together. */
export class RoundRobin implements Choice {
  private turn: number;

  constructor(private readonly instances: readonly BalancedInstance[]) {
    this.turn = Math.floor(Math.random() * instances.length);
  }

  choose(not: BalancedInstance | undefined): BalancedInstance {
    const next = () => this.instances[this.turn++ % this.instances.length] as BalancedInstance;
    const chosen = next();
    return chosen === not ? next() : chosen;
  }
}
