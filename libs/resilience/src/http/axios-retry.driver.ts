import type { AxiosError, AxiosInstance, InternalAxiosRequestConfig } from 'axios';
import axiosRetry from 'axios-retry';
import type { ResilienceEvents } from '../events/resilience.events.js';
import { isWorthTelling, type RetryRules } from '../retry/retry.rules.js';
import { retryAfterMs } from '../retry/retry-after.js';
import { isTransient } from './attempt.outcome.js';

/** Idempotent by definition. @see https://www.rfc-editor.org/rfc/rfc9110#name-idempotent-methods */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/** An error after which a tier above must not retry: this one has, or declined to. Without a retry policy it does neither. */
export interface MaybeOverloaded {
  overloaded?: boolean;
}

/** Lets axios-retry repeat what our rules allow: it is the engine, they are the brain. */
export function retryWithAxios(
  instance: AxiosInstance,
  client: string,
  rules: RetryRules,
  dueAtOf: (config: InternalAxiosRequestConfig) => number,
  events?: ResilienceEvents,
): void {
  const delays = new WeakMap<object, number>();

  axiosRetry(instance, {
    // The limit is one of the rules, so that all refusals are told of in one place.
    retries: Number.MAX_SAFE_INTEGER,
    shouldResetTimeout: true,
    retryCondition(error) {
      const verdict = rules.judge(describe(error));
      if (verdict.retry) {
        delays.set(error, verdict.delayMs);
        return true;
      }
      // Whatever speaks against a repetition here speaks against one further up, too.
      (error as MaybeOverloaded).overloaded = true;
      if (isWorthTelling(verdict.reason)) events?.emit({ type: 'retry_refused', client, reason: verdict.reason });
      return false;
    },
    retryDelay: (_count, error) => delays.get(error) ?? 0,
    onRetry(_count, error) {
      const delayMs = delays.get(error) ?? 0;
      events?.emit({ type: 'retry', client, reason: String(error.response?.status ?? error.code), delayMs });
    },
  });

  function describe(error: AxiosError) {
    const config = error.config as InternalAxiosRequestConfig;
    const { headers } = error.response ?? {};
    return {
      retries: retriesOf(config),
      transient: isTransient(error) && !config.signal?.aborted,
      repeatable: idempotent.has(config.method?.toUpperCase() ?? 'GET') || config.headers.has('Idempotency-Key'),
      final: headers?.['x-envoy-overloaded'] !== undefined,
      retryAfterMs: retryAfterMs(headers?.['retry-after']),
      timeLeftMs: dueAtOf(config) - performance.now(),
    };
  }
}

/** Repetitions so far of the call that this attempt belongs to. */
export function retriesOf(config: InternalAxiosRequestConfig): number {
  return (config['axios-retry'] as { retryCount?: number } | undefined)?.retryCount ?? 0;
}
