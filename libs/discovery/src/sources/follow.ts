import type { ServiceAddress } from '@app/resilience';
import { backoff, pause } from './pause.js';
import { SourceFailure } from './source.failure.js';
import type { Endpoint, Source } from './source.js';

export interface Follower {
  found(endpoints: readonly Endpoint[]): void;
  failed(error: unknown): void;
}

/**
 * Follows a source for as long as `signal` does not abort. When it fails, ends or knows no instance, the follower is told, and keeps what
 * it has; after a pause the source is asked anew.
 */
export async function follow(
  source: Source,
  address: ServiceAddress,
  { maxPauseMs }: { maxPauseMs: number },
  follower: Follower,
  signal: AbortSignal,
): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    try {
      for await (const endpoints of source.watch(address, signal)) {
        if (signal.aborted) return;
        if (endpoints.length === 0) throw new SourceFailure('empty', 'no instance is known');
        failures = 0;
        follower.found(endpoints);
      }
      if (!signal.aborted) throw new SourceFailure('failed', 'the watch ended');
    } catch (error) {
      if (signal.aborted) return;
      follower.failed(error);
      failures += 1;
    }
    await pause(backoff(failures, maxPauseMs), signal);
  }
}
