import type { BalancedInstance } from './balanced.instance.js';
import { Outcomes } from './outcomes.js';

export type EjectionReason = 'consecutive_failures' | 'success_rate' | 'going';

/** Fewer calls than this say nothing of a success rate. */
const minimumCalls = 20;
/** So many standard errors below the others is hardly chance. */
const standardErrors = 3;
/** And so much below them is worth an ejection. */
const margin = 0.05;

/**
 * Finds the instances that fail more than the others do.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier
 */
export class OutlierDetector {
  private readonly all = new Outcomes();

  constructor(private readonly consecutiveFailures: number) {}

  /** Counts the end of a call, and says why its instance should be ejected, if it should. */
  judge(instance: BalancedInstance, failed: boolean, now: number): EjectionReason | undefined {
    this.all.add(failed, now);
    instance.outcomes.add(failed, now);
    if (!failed) {
      instance.consecutiveFailures = 0;
      return undefined;
    }
    instance.consecutiveFailures += 1;
    if (instance.consecutiveFailures >= this.consecutiveFailures) return 'consecutive_failures';
    return this.fails(instance, now) ? 'success_rate' : undefined;
  }

  /** Whether it is further below the success rate of the others than chance explains. */
  private fails(instance: BalancedInstance, now: number): boolean {
    const own = instance.outcomes.at(now);
    const all = this.all.at(now);
    const others = { calls: all.calls - own.calls, failures: all.failures - own.failures };
    if (own.calls < minimumCalls || others.calls < minimumCalls) return false;
    const rate = 1 - others.failures / others.calls;
    const standardError = Math.sqrt((rate * (1 - rate)) / own.calls);
    return 1 - own.failures / own.calls < rate - standardErrors * standardError - margin;
  }
}
