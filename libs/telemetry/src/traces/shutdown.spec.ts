import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type TracerProvider, trace } from '@opentelemetry/api';
import { shutdownTracing } from './shutdown.js';

function provide(shutdown: () => Promise<void>): void {
  trace.disable();
  trace.setGlobalTracerProvider({ shutdown } as unknown as TracerProvider);
}

describe('shutdownTracing', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
    trace.disable();
  });

  it('waits until the spans are sent', async () => {
    const sent = Promise.withResolvers<void>();
    provide(() => sent.promise);
    let done = false;
    const stopped = shutdownTracing(1_000).then(() => {
      done = true;
    });
    await jest.advanceTimersByTimeAsync(999);
    expect(done).toBe(false);
    sent.resolve();
    await stopped;
  });

  it('does not wait longer than it may', async () => {
    provide(() => new Promise(() => undefined));
    const stopped = shutdownTracing(1_000);
    await jest.advanceTimersByTimeAsync(1_000);
    await stopped;
  });

  it('does not fail when the collector does', async () => {
    provide(() => Promise.reject(new Error('ECONNREFUSED')));
    await shutdownTracing(1_000);
  });

  it('has nothing to do where tracing was not started', async () => {
    await shutdownTracing(1_000);
  });
});
