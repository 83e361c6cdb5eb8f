import type { HttpClient, HttpClients } from '@app/resilience';

/** What operators see of each client at `GET /resilience`. An allow-list: options hold addresses, and addresses may hold credentials. */
export function resilienceView(clients: HttpClients) {
  return Object.fromEntries([...clients].map(([name, client]) => [name, clientView(client)]));
}

function clientView({ settings, breaker, bulkhead, retry }: HttpClient) {
  const { totalTimeoutMs, attemptTimeoutMs } = settings;
  const { origin, pathname } = new URL(settings.baseUrl);
  return {
    baseUrl: origin + pathname,
    totalTimeoutMs,
    attemptTimeoutMs,
    circuitBreaker: breaker ? { state: breaker.state.kind, window: breaker.counts, ...breaker.options } : false,
    bulkhead: bulkhead ? { inUse: bulkhead.inUse, queued: bulkhead.queued, ...bulkhead.options } : false,
    retry: retry ? { budget: Math.round(retry.budget.level * 100) / 100, ...retry.options } : false,
  };
}
