import { type DashboardUid, metric } from '@app/prometheus';
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { prometheus } from './panels.js';

export interface Row {
  title: string;
  panels: Builder<Panel>[];
}

export interface DashboardSpec {
  uid: DashboardUid;
  title: string;
  description: string;
  /** What a person may choose beside the service, each within what was chosen before. */
  variables?: { name: string; query: string }[];
  /** The data source for traces too. */
  withTraces?: boolean;
  /** A service's objectives are not an instance's. @default true */
  byInstance?: boolean;
  annotations?: { name: string; expr: string; title: string; text: string; color: string }[];
  rows: Row[];
}

const tag = 'ballast';

export function dashboard(spec: DashboardSpec): Dashboard {
  const { uid, title, description, variables = [], withTraces, byInstance = true, annotations = [], rows } = spec;
  const alive = metric.eventLoopUtilization;
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([tag])
    .timezone('browser')
    .time({ from: 'now-15m', to: 'now' })
    .refresh('10s')
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly()
    .link(
      new DashboardLinkBuilder('Dashboards')
        .type(DashboardLinkType.Dashboards)
        .tags([tag])
        .keepTime(true)
        .includeVars(true),
    )
    .withVariable(dataSource('prometheus', 'Prometheus'));
  if (withTraces) builder.withVariable(dataSource('jaeger', 'Jaeger'));
  // The job of an instance is its service.
  builder.withVariable(choice('job', `label_values(${alive}, job)`));
  if (byInstance) builder.withVariable(choice('instance', `label_values(${alive}{job=~"$job"}, instance)`));
  for (const { name, query } of variables) builder.withVariable(choice(name, query));
  for (const { name, expr, title, text, color } of annotations) {
    builder.annotation(
      new AnnotationQueryBuilder()
        .name(name)
        .datasource(prometheus)
        .enable(true)
        .iconColor(color)
        .expr(expr)
        .step('10s')
        .titleFormat(title)
        .textFormat(text),
    );
  }
  for (const { title, panels } of rows) {
    builder.withRow(new RowBuilder(title));
    for (const panel of panels) builder.withPanel(panel);
  }
  return builder.build();
}

/** A data source that can be exchanged for another of its kind; ours has its kind as uid. */
function dataSource(type: 'prometheus' | 'jaeger', name: string): DatasourceVariableBuilder {
  return new DatasourceVariableBuilder(`${type}_datasource`)
    .label(`${name} data source`)
    .type(type)
    .current({ selected: true, text: name, value: type });
}

function choice(name: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(`${name.charAt(0).toUpperCase()}${name.slice(1)}`)
    .datasource(prometheus)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ selected: true, text: 'All', value: '$__all' });
}
