import type { ResilienceEvents } from '../events/resilience.events.js';
import { timers } from '../timers/timer-queue.js';
import { type FailedAttempt, isWorthTelling, type RetryRules } from './retry.rules.js';

export interface LoopOptions {
  client: string;
  rules: RetryRules;
  /** What is known of a failure, but for how often it was repeated. */
  describe(error: unknown): Omit<FailedAttempt, 'retries'>;
  signal: AbortSignal;
  events?: ResilienceEvents;
}

/** Repeats what our rules allow, for what is not HTTP. Where it is, axios-retry does the same by the same rules. */
export async function retryInLoop<T>(options: LoopOptions, attempt: () => Promise<T>): Promise<T> {
  const { client, rules, describe, signal, events } = options;
  rules.budget.call();
  for (let retries = 0; ; retries++) {
    try {
      return await attempt();
    } catch (error) {
      const verdict = rules.judge({ ...describe(error), retries });
      if (!verdict.retry) {
        if (isWorthTelling(verdict.reason)) events?.emit({ type: 'retry_refused', client, reason: verdict.reason });
        throw error;
      }
      const { delayMs } = verdict;
      events?.emit({ type: 'retry', client, reason: String((error as { code?: unknown }).code ?? 'error'), delayMs });
      await pause(delayMs, signal);
    }
  }
}

/** Ends early, with the signal's reason, when the call does. */
function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const end = () => {
      timers.cancel(timer);
      reject(signal.reason);
    };
    const timer = timers.add(performance.now() + delayMs, () => {
      signal.removeEventListener('abort', end);
      resolve();
    });
    signal.addEventListener('abort', end, { once: true });
  });
}
