import { CircuitBreakerPolicy, Pipeline } from '@app/resilience';
import {
  BrokenCircuitError,
  bulkhead,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  IsolatedCircuitError,
  retry,
  SamplingBreaker,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
import Opossum from 'opossum';

const totalTimeoutMs = 5_000;
const attemptTimeoutMs = 2_000;
const maxConcurrent = 20_000;

/**
 * Who is compared by `pnpm bench resilience`: each with all its policies on and somebody who listens to its events.
 * `create` gives an instance around `work`: how to call it, and how to make it refuse. `breaker` makes a circuit breaker alone.
 */
export const policies = [
  { name: 'bare', title: 'a bare await', create: (work) => ({ call: () => work() }) },
  { name: 'ours', title: 'our pipeline', create: ours, breaker: () => new CircuitBreakerPolicy('bench') },
  { name: 'cockatiel', title: 'cockatiel, everything wrapped', create: cockatiel },
  { name: 'opossum', title: 'opossum (timeout, breaker, capacity)', create: opossum },
];

function ours(work) {
  let events = 0;
  const listener = { emit: () => (events += 1) };
  const pipeline = new Pipeline('bench', { totalTimeoutMs, attemptTimeoutMs, bulkhead: { maxConcurrent } }, listener);
  return { call: () => pipeline.execute(work), refuse: () => pipeline.breaker.forceOpen(), events: () => events };
}

function cockatiel(work) {
  let events = 0;
  const told = () => (events += 1);
  const failures = handleWhen(
    (error) => !(error instanceof BrokenCircuitError || error instanceof IsolatedCircuitError),
  );
  const within = (ms) => timeout(ms, { strategy: TimeoutStrategy.Aggressive, abortOnReturn: false });
  const breaker = circuitBreaker(failures, {
    halfOpenAfter: 10_000,
    breaker: new SamplingBreaker({ threshold: 0.5, duration: 30_000 }),
  });
  const policy = wrap(
    within(totalTimeoutMs),
    bulkhead(maxConcurrent, 256),
    retry(failures, { maxAttempts: 2, backoff: new ExponentialBackoff() }),
    breaker,
    within(attemptTimeoutMs),
  );
  breaker.onSuccess(told);
  breaker.onFailure(told);
  return { call: () => policy.execute(work), refuse: () => breaker.isolate(), events: () => events };
}

function opossum(work) {
  let events = 0;
  const told = () => (events += 1);
  const breaker = new Opossum(work, {
    timeout: attemptTimeoutMs,
    capacity: maxConcurrent,
    rollingCountTimeout: 30_000,
  });
  for (const event of ['success', 'failure', 'reject']) breaker.on(event, told);
  return { call: () => breaker.fire(), refuse: () => breaker.open(), events: () => events };
}
