import { metric } from '@app/prometheus';
import { chosen } from './panels.js';

/** Queries about inbound requests that several dashboards ask. `by` lists labels; `more` are further matchers. */
const requests = (part: 'count' | 'bucket', by: string, more = '') =>
  `sum by (${by}) (rate(${metric.httpServerRequestDuration}_${part}{${chosen}${more && `, ${more}`}}[$__rate_interval]))`;

export function requestRate(by: string, more?: string): string {
  return requests('count', by, more);
}

export function failedRate(by: string, more = ''): string {
  return requestRate(by, ['http_response_status_code=~"5.."', more].filter(Boolean).join(', '));
}

export function bucketRate(by: string, more?: string): string {
  return requests('bucket', by, more);
}

export function percentile(share: number, by: string, more?: string): string {
  return `histogram_quantile(${share}, ${bucketRate(`${by}, le`, more)})`;
}
