import { type ProxyTracerProvider, trace } from '@opentelemetry/api';
import { logger } from '../logs/logger.js';

/** Sends the spans that are still buffered, for at most `timeoutMs`. Never throws: a missing collector must not fail a stop. */
export async function shutdownTracing(timeoutMs: number): Promise<void> {
  const provider = (trace.getTracerProvider() as ProxyTracerProvider).getDelegate() as { shutdown?(): Promise<void> };
  if (!provider.shutdown) return;
  const timeout = new Promise<void>((resolve) => setTimeout(resolve, timeoutMs).unref());
  await Promise.race([
    provider.shutdown().catch((error) => logger.warn({ err: error }, 'spans were lost at shutdown')),
    timeout,
  ]);
}
