import { globSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { alerts, loadServices, metric, panelUrl } from '@app/prometheus';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

/** The rules of https://github.com/grafana/dashboard-linter, on what Grafana will read; and what else makes dashboards readable. */
interface Target {
  expr?: string;
  queryType?: string;
}
interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  datasource?: { type: string; uid: string };
  targets?: Target[];
  fieldConfig?: { defaults: { unit?: string } };
  gridPos: { x: number; y: number; w: number; h: number };
}
interface Variable {
  name: string;
  label: string;
  type: string;
  query: string;
  datasource?: { uid: string };
  multi?: boolean;
  includeAll?: boolean;
  allValue?: string;
  refresh?: number;
}
interface Dashboard {
  title: string;
  uid: string;
  editable: boolean;
  refresh: string;
  time: { from: string };
  templating: { list: Variable[] };
  annotations: { list: { expr?: string }[] };
  panels: Panel[];
}

const folder = resolve(import.meta.dirname, '../dashboards');
const dashboards = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Dashboard)
  .map((dashboard) => [dashboard.title, dashboard] as const);
const panelsOf = ({ panels }: Dashboard) => panels.filter(({ type }) => type !== 'row');

type Exclusion = { dashboard: string; panel?: string; targetIdx?: number };
const { exclusions } = parse(readFileSync(join(folder, '.lint'), 'utf8')) as {
  exclusions: Record<string, { entries: Exclusion[] }>;
};
const excluded = (rule: string, dashboard: string, panel?: string, index?: number) =>
  exclusions[rule]?.entries.some(
    (entry) =>
      entry.dashboard === dashboard &&
      (entry.panel ?? panel) === panel &&
      (entry.targetIdx === undefined || entry.targetIdx === index),
  );

const units = [...['none', 'short', 'percentunit', 'bytes', 's', 'ops', 'reqps', 'cps']];

/** Every query to Prometheus of a dashboard that the rule is about. */
function queries(dashboard: Dashboard, rule: string): [panel: string, expr: string][] {
  return panelsOf(dashboard).flatMap(({ title, targets = [] }) =>
    targets.flatMap(({ expr }, index): [string, string][] =>
      expr === undefined || excluded(rule, dashboard.title, title, index) ? [] : [[title, expr]],
    ),
  );
}

/** Metrics of a query, with what selects them: `name{…}`. */
const selectors = (expr: string) =>
  [...expr.matchAll(/([a-z_:][\w:]*)\{([^}]*)\}/g)].map(([, name = '', by = '']) => ({ name, by }));

describe.each(dashboards)('dashboard %s', (title, dashboard) => {
  const { list: variables } = dashboard.templating;
  const variable = (name: string) => variables.find((one) => one.name === name);

  it('template-datasource-rule: its data sources can be exchanged', () => {
    const sources = variables.filter(({ type }) => type === 'datasource');
    expect(sources.length).toBeGreaterThan(0);
    for (const { name, label, query } of sources) {
      expect(name).toBe(`${query}_datasource`);
      expect(label).toBe(`${query.charAt(0).toUpperCase()}${query.slice(1)} data source`);
    }
  });

  it.each(['job', 'instance'])('template-%s-rule: one may choose it', (name) => {
    if (excluded(`template-${name}-rule`, title)) return expect(variable(name)).toBeUndefined();
    expect(variable(name)).toMatchObject({
      type: 'query',
      label: `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
      datasource: { uid: '$prometheus_datasource' },
      multi: true,
      includeAll: true,
      allValue: '.+',
    });
  });

  it('template-label-promql-rule and template-on-time-change-reload-rule: choices are labels, read anew with the time range', () => {
    for (const { query, refresh } of variables.filter(({ type }) => type === 'query')) {
      expect(query).toMatch(/^label_values\([a-z_]+(\{[^}]*\})?, [a-z_]+\)$/);
      expect(refresh).toBe(2);
    }
  });

  it('panel-datasource-rule: each panel uses one of them', () => {
    const names = variables.filter(({ type }) => type === 'datasource').map(({ name }) => `$${name}`);
    for (const { datasource } of panelsOf(dashboard)) expect(names).toContain(datasource?.uid);
  });

  it('panel-title-description-rule: each panel says what it shows and what to do', () => {
    for (const { title: panel, description = '' } of panelsOf(dashboard)) {
      expect(panel).toMatch(/^[A-Z]/);
      expect([panel, description]).toEqual([panel, expect.stringMatching(/^[A-Z0-9`].{50,}\.$/)]);
    }
  });

  it('panel-units-rule: each panel has a unit', () => {
    for (const { title: panel, fieldConfig } of panelsOf(dashboard))
      expect([panel, units.includes(fieldConfig?.defaults.unit ?? '')]).toEqual([panel, true]);
  });

  it('panel-no-targets-rule: each panel asks something', () => {
    for (const { title: panel, targets = [] } of panelsOf(dashboard))
      expect([panel, targets.length > 0 && targets.every(({ expr, queryType }) => expr || queryType)]).toEqual([
        panel,
        true,
      ]);
  });

  it('target-rate-interval-rule: rates follow the range that is looked at', () => {
    for (const [panel, expr] of queries(dashboard, 'target-rate-interval-rule'))
      for (const [range] of expr.matchAll(/\[[^\]]*\]/g)) expect([panel, range]).toEqual([panel, '[$__rate_interval]']);
  });

  it.each(['job', 'instance'])('target-%s-rule: every metric is selected by it', (label) => {
    for (const [panel, expr] of queries(dashboard, `target-${label}-rule`)) {
      expect(selectors(expr).length).toBeGreaterThan(0);
      for (const { by } of selectors(expr))
        expect([panel, by]).toEqual([panel, expect.stringContaining(`${label}=~"$${label}"`)]);
    }
  });

  it('target-counter-agg-rule: counters are shown as rates', () => {
    for (const [panel, expr] of queries(dashboard, 'target-counter-agg-rule')) {
      const counters = selectors(expr).filter(({ name }) => name.endsWith('_total'));
      for (const { name } of counters)
        expect([panel, expr]).toEqual([panel, expect.stringMatching(`(rate|increase)\\(${name}\\{`)]);
    }
  });

  it('uneditable: what is changed here is changed in code', () => {
    expect(dashboard.editable).toBe(false);
    expect(dashboard.refresh).toMatch(/^\d+s$/);
    expect(dashboard.time.from).toMatch(/^now-/);
  });

  it('fills its rows of 24 columns, without gaps or overlaps, each row at one height', () => {
    const lines = Map.groupBy(dashboard.panels, ({ gridPos }) => gridPos.y);
    let y = 0;
    for (const [top, panels] of [...lines].sort(([a], [b]) => a - b)) {
      expect(top).toBe(y);
      let x = 0;
      for (const { gridPos, title: panel } of panels) {
        expect([panel, gridPos.x]).toEqual([panel, x]);
        x += gridPos.w;
      }
      expect(x).toBe(24);
      const heights = new Set(panels.map(({ gridPos }) => gridPos.h));
      expect([...heights]).toHaveLength(1);
      y += panels[0]?.gridPos.h ?? 0;
    }
  });

  it('has a panel only once, and links to what there is', () => {
    const ids = panelsOf(dashboard).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const uids = dashboards.map(([, { uid }]) => uid);
    for (const [, uid] of JSON.stringify(dashboard).matchAll(/"\/d\/([\w-]+)/g)) expect(uids).toContain(uid);
  });

  it('leads on from every panel: to a service, or to traces', () => {
    const leads = (panel: Panel) => panel.type === 'heatmap' || /"links":\[\{|"id":"links"/.test(JSON.stringify(panel));
    const dead = panelsOf(dashboard).filter((panel) => !leads(panel));
    expect(dead.map((panel) => panel.title)).toEqual([]);
  });
});

describe('what the dashboards are made of', () => {
  it('types no metric’s name: they come from the catalogue', () => {
    const names = Object.values(metric);
    const sources = globSync('{grafana,prometheus}/src/*.ts', { cwd: resolve(folder, '../..') });
    for (const source of sources) {
      const text = readFileSync(resolve(folder, '../..', source), 'utf8');
      expect([source, names.filter((name) => text.includes(name))]).toEqual([source, []]);
    }
  });

  it('has the panel that each alert links to', async () => {
    for (const { name, panel } of alerts((await loadServices()).map((service) => service.name))) {
      const [uid, title] = panel;
      const target = dashboards.find(([, dashboard]) => dashboard.uid === uid)?.[1];
      const found = target && panelsOf(target).find((one) => one.title === title);
      expect([name, panelUrl(...panel)]).toEqual([name, expect.stringMatching(new RegExp(`panel-${found?.id}$`))]);
    }
  });
});
