import type { BalancedInstance } from './balanced.instance.js';

/** Draws instances by their weights. */
export class Sampler {
  /** The sum of the weights up to each instance, where they are not all the same. */
  private readonly sums: Float64Array | undefined;

  constructor(readonly instances: readonly BalancedInstance[]) {
    if (instances.every(({ weight }) => weight === instances[0]?.weight)) return;
    let sum = 0;
    this.sums = Float64Array.from(instances, ({ weight }) => (sum += weight));
  }

  draw(): BalancedInstance {
    const { instances, sums } = this;
    if (!sums) return instances[Math.floor(Math.random() * instances.length)] as BalancedInstance;
    const drawn = Math.random() * (sums.at(-1) as number);
    let low = 0;
    for (let high = sums.length - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if (drawn < (sums[middle] as number)) high = middle;
      else low = middle + 1;
    }
    return instances[low] as BalancedInstance;
  }

  /** Another one than `not`, where there is one. */
  drawOther(not: BalancedInstance | undefined): BalancedInstance {
    let drawn = this.draw();
    for (let tries = 0; drawn === not && tries < 3; tries += 1) drawn = this.draw();
    if (drawn !== not || this.instances.length < 2) return drawn;
    const next = (this.instances.indexOf(drawn) + 1) % this.instances.length;
    return this.instances[next] as BalancedInstance;
  }
}
