import { catalogue, runtimeMetricNames } from '@app/telemetry';

type Catalogue = typeof catalogue;
type Names = { readonly [K in keyof Catalogue]: string } & typeof runtimeMetricNames;

/** Names of metrics, for queries: nobody types one a second time. Histograms are asked for with `_bucket`, `_count` and `_sum`. */
export const metric = Object.freeze({
  ...Object.fromEntries(Object.entries(catalogue).map(([key, { name }]) => [key, name])),
  ...runtimeMetricNames,
}) as Names;

/** Matches a bucket by its bound: Prometheus 3 writes whole numbers as `1.0`, 2 as they came. */
export function atMost(seconds: number): string {
  return Number.isInteger(seconds) ? `le=~"${seconds}(\\\\.0)?"` : `le="${seconds}"`;
}

/** Where the parts of the stack are for a person: in links. */
export const grafanaUrl = 'http://127.0.0.1:3030';
export const jaegerUrl = 'http://127.0.0.1:16686';

export type DashboardUid = 'ballast-overview' | 'ballast-service' | 'ballast-resilience' | 'ballast-slo';

/** A panel's id within its dashboard: made of its title, so that links to it survive panels that come and go. FNV-1a, 31 bits. */
export function panelId(title: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(title)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 1 || 1;
}

/** The address of one panel, for the service that an alert is about. */
export function panelUrl(dashboard: DashboardUid, title: string): string {
  return `${grafanaUrl}/d/${dashboard}?var-job={{ $labels.job }}&viewPanel=panel-${panelId(title)}`;
}
