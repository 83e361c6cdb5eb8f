import type { BalancedInstance } from './balanced.instance.js';
import { Sampler } from './sampler.js';

/** A way to choose among the instances that get calls. Made anew whenever those change. */
export interface Choice {
  choose(not: BalancedInstance | undefined, now: number): BalancedInstance;
}

/** How much slower an instance of another zone seems than one of our own. */
const otherZone = 4;

/**
 * Power of two choices: two are drawn by their weights, and the first is taken unless the second is better. Who is twice as slow keeps a
 * quarter of its calls, who is 20 times as slow one in 400: so weights hold among those that are well, and who has been slow is tried
 * now and then. Where our own zone has instances, both are of that zone, and a third one of another takes the call if it is much better.
 *
 * @see https://www.eecs.harvard.edu/~michaelm/postscripts/handbook2001.pdf
 */
export class PowerOfTwoChoices implements Choice {
  private readonly near: Sampler;
  private readonly far: Sampler | undefined;

  constructor(instances: readonly BalancedInstance[], zone: string | undefined) {
    const isNear = ({ endpoint }: BalancedInstance) => zone === undefined || endpoint.zone === zone;
    const near = instances.filter(isNear);
    this.near = new Sampler(near.length > 0 ? near : instances);
    if (near.length > 0 && near.length < instances.length) {
      this.far = new Sampler(instances.filter((instance) => !isNear(instance)));
    }
  }

  choose(not: BalancedInstance | undefined, now: number): BalancedInstance {
    const { near, far } = this;
    const first = near.drawOther(not);
    const second = near.drawOther(first);
    const best = second === not ? first : better(first, second, now);
    if (!far) return best;
    const third = far.drawOther(not);
    return best === not ? third : better(best, third, now, otherZone);
  }
}

/** The first, unless the second is better; by how much it is decides how often. */
function better(first: BalancedInstance, second: BalancedInstance, now: number, handicap = 1): BalancedInstance {
  const ratio = (second.score(now) * handicap) / first.score(now);
  return ratio >= 1 || Math.random() < ratio * ratio ? first : second;
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
