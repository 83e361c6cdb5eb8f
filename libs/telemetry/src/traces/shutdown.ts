import { type ProxyTracerProvider, trace } from '@opentelemetry/api';
import { logger } from '../logs/logger.js';

/** Sends the spans that are still buffered, for at most `timeoutMs`. Never throws: a missing collector must not fail a stop, but is told of. */
export async function shutdownTracing(timeoutMs: number): Promise<void> {
  const provider = (trace.getTracerProvider() as ProxyTracerProvider).getDelegate() as { shutdown?(): Promise<void> };
  if (!provider.shutdown) return;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, timeoutMs, new Error(`the collector took longer than ${timeoutMs} ms`));
  });
  try {
    await Promise.race([provider.shutdown(), timeout]);
  } catch (error) {
    logger.warn({ err: error }, 'spans were lost at shutdown');
  } finally {
    clearTimeout(timer);
  }
}
