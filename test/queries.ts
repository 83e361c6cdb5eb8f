import { globSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** A query that something in the stack asks Prometheus, and who asks it. */
export interface StackQuery {
  /** Such as `Overview / Requests / A`, `variable route of Service`, `alert OutboxStuck`. */
  name: string;
  expr: string;
}

interface Dashboard {
  title: string;
  panels: { type: string; title: string; targets?: { refId: string; expr?: string }[] }[];
  templating: { list: { name: string; type: string; query: string }[] };
  annotations: { list?: { name: string; expr?: string }[] };
}

interface Rules {
  groups: { rules: { record?: string; alert?: string; expr: string; labels?: Record<string, string> }[] }[];
}

/** Every query of every panel, variable, annotation and rule, as it is when everything is chosen. */
export function stackQueries(rateInterval: string): StackQuery[] {
  return [
    ...globSync('grafana/dashboards/*.json').flatMap(ofDashboard),
    ...globSync('prometheus/rules/*.yml').flatMap(ofRules),
  ].map(({ name, expr }) => ({
    name,
    expr: expr.replaceAll('$__rate_interval', rateInterval).replaceAll(/"\$\w+"/g, '".+"'),
  }));
}

function ofDashboard(file: string): StackQuery[] {
  const { title, panels, templating, annotations } = JSON.parse(readFileSync(file, 'utf8')) as Dashboard;
  return [
    ...panels.flatMap((panel) =>
      (panel.targets ?? []).flatMap(({ refId, expr }) =>
        expr === undefined ? [] : [{ name: `${title} / ${panel.title} / ${refId}`, expr }],
      ),
    ),
    ...templating.list
      .filter(({ type }) => type === 'query')
      .map(({ name, query }) => ({ name: `variable ${name} of ${title}`, expr: labelValues(query) })),
    ...(annotations.list ?? []).flatMap(({ name, expr }) =>
      expr ? [{ name: `annotation ${name} of ${title}`, expr }] : [],
    ),
  ];
}

/** What Grafana makes of `label_values(metric{…}, label)`, as a query. */
function labelValues(query: string): string {
  const [, series, label] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? [];
  if (!series || !label) throw new Error(`${query} is not understood`);
  return `count by (${label}) (${series})`;
}

function ofRules(file: string): StackQuery[] {
  const { groups } = parse(readFileSync(file, 'utf8')) as Rules;
  return groups.flatMap(({ rules }) =>
    rules.map(({ record, alert, expr, labels }) => ({
      name: alert ? `alert ${alert}` : `rule ${record} of ${Object.values(labels ?? {}).join(' ')}`,
      expr,
    })),
  );
}
