import type { ResilienceClient, ResilienceClients } from '@app/resilience';

/** What operators see of each client at `GET /resilience`. An allow-list: options hold addresses, and addresses may hold credentials. */
export function resilienceView(clients: ResilienceClients) {
  return Object.fromEntries([...clients].map(([name, client]) => [name, clientView(client)]));
}

function clientView({ settings = {}, breaker, bulkhead, retry, balancer }: ResilienceClient) {
  const { baseUrl, totalTimeoutMs, attemptTimeoutMs } = settings;
  return {
    baseUrl: baseUrl && withoutCredentials(baseUrl),
    totalTimeoutMs,
    attemptTimeoutMs,
    circuitBreaker: breaker ? { state: breaker.state.kind, window: breaker.counts, ...breaker.options } : false,
    bulkhead: bulkhead ? { inUse: bulkhead.inUse, queued: bulkhead.queued, ...bulkhead.options } : false,
    ...(balancer && { discovery: balancer.view() }),
    retry: retry ? { budget: Math.round(retry.budget.level * 100) / 100, ...retry.options } : false,
  };
}

function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/]*@/, '//').replace(/[?#].*/, '');
}
