import { BoundHistogram } from '../metrics/bound-histogram.js';
import { catalogue } from '../metrics/catalogue.js';
import { gauge } from '../metrics/registry.js';

const methods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
]);

/** The method as a label: one of the known ones, otherwise `_OTHER`, as the semantic conventions ask. */
export function methodLabel(method: string): string {
  return methods.has(method) ? method : '_OTHER';
}

/** What nginx logs when the client went away before it had an answer. */
export const clientClosedRequest = 499;

/** Durations of inbound requests by route, method and status. */
export function requestDurations() {
  return new BoundHistogram(catalogue.httpServerRequestDuration, (route, method, status) => ({
    http_request_method: method,
    http_route: route,
    http_response_status_code: status,
    url_scheme: 'http',
    error_type: Number(status) >= 500 || status === clientClosedRequest ? status : '',
  }));
}

/** Requests in flight: the gauge's child for each method, bound once. */
export function activeRequests(): (method: string) => { inc(): void; dec(): void } {
  const active = gauge(catalogue.httpServerActiveRequests);
  const bind = (method: string) => active.labels({ http_request_method: method, url_scheme: 'http' });
  const byMethod = new Map([...methods, '_OTHER'].map((method) => [method, bind(method)]));
  return (method) => byMethod.get(method) ?? bind(method);
}
