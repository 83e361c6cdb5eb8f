import { logger } from '@app/telemetry';
import { type RunningService, stopService } from './stop-service.js';

/**
 * Stops the service in order on SIGTERM and SIGINT, and ends the process with code 0, or 1 where something was cut short. A second
 * signal hurries, a third ends it at once. An error that nobody caught stops it in the same order, with code 1.
 */
export function stopOnSignals(service: RunningService): void {
  const hurry = new AbortController();
  let stopping = false;
  let exitCode = 0;

  const stop = async (reason: string) => {
    stopping = true;
    logger.info({ reason }, 'stopping');
    const whole = await stopService(service, hurry.signal).catch((error) =>
      logger.error({ err: error }, 'the stop failed'),
    );
    process.exit(whole ? exitCode : 1);
  };

  const onSignal = (signal: NodeJS.Signals) => {
    if (!stopping) void stop(signal);
    else if (hurry.signal.aborted) process.exit(1);
    else {
      logger.warn({ reason: signal }, 'stopping without waiting any longer');
      hurry.abort();
    }
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  // Rejections that nobody handles come here too; `origin` tells.
  process.on('uncaughtException', (error, origin) => {
    logger.fatal({ err: error }, origin);
    exitCode = 1;
    if (!stopping) void stop(origin);
  });
}
