import { logger, requestFields } from '../logs/logger.js';
import { methodLabel, requestDurations } from './request.series.js';
import { unmatchedRoute } from './request-telemetry.js';

let durations: ReturnType<typeof requestDurations> | undefined;

/** Records a request that was refused before it became one: unreadable, or for a path that cannot be. It has no span and took no time. */
export function observeRefusal(method: string, status: number, code: string): void {
  durations ??= requestDurations();
  durations.observe(unmatchedRoute, methodLabel(method), status, 0);
  logger.info({ [requestFields.method]: method, [requestFields.status]: status, code }, 'request refused');
}
