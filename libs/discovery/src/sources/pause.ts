/** Waits for so long, or until `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  });
}

/** Up to a tenth less, so that those who started together do not ask together for ever. */
export function staggered(ms: number): number {
  return ms * (0.9 + 0.1 * Math.random());
}

const firstBackoffMs = 100;

/**
 * How long to wait after so many failures in a row: random, up to a bound that doubles each time.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ for full jitter
 */
export function backoff(failures: number, maxMs: number): number {
  return Math.random() * Math.min(maxMs, firstBackoffMs * 2 ** (failures - 1));
}
