import { type DashboardUid, jaegerUrl, panelId } from '@app/prometheus';
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TableCellBackgroundDisplayMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardLinkBuilder,
  type DynamicConfigValue,
  MappingType,
  type Panel,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import {
  PanelBuilder as HeatmapBuilder,
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** What the variables of a dashboard choose; every query has it. */
export const chosen = 'job=~"$job", instance=~"$instance"';

export const prometheus = { type: 'prometheus', uid: '$prometheus_datasource' };
export const jaeger = { type: 'jaeger', uid: '$jaeger_datasource' };

/** A grid has 24 columns: three panels a row read well at 1440 pixels and at 1024. */
export const third = 8;
export const half = 12;
export const whole = 24;
const height = 8;

export interface Query {
  expr: string;
  legend: string;
}

interface PanelSpec {
  title: string;
  /** What it shows, and what to do when it looks bad. */
  description: string;
  /** @see https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts */
  unit: string;
  width: number;
  /** Where a click on it leads. */
  link?: DashboardLinkBuilder;
}

interface TimeseriesSpec extends PanelSpec {
  queries: Query[];
  stacked?: boolean;
  /** With the traces behind it, as dots to click. */
  exemplars?: boolean;
  /** Lines that should not be crossed. */
  limits?: { value: number; color: 'yellow' | 'red' }[];
  max?: number;
}

export function timeseries(spec: TimeseriesSpec): Builder<Panel> {
  const { queries, stacked, exemplars, limits, max } = spec;
  const panel = withBasics(new TimeseriesBuilder(), spec)
    .drawStyle(GraphDrawStyle.Line)
    .lineWidth(1)
    .fillOpacity(stacked ? 30 : 8)
    .showPoints(VisibilityMode.Never)
    .spanNulls(false)
    .axisSoftMin(0)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .targets(
      queries.map(({ expr, legend }, index) =>
        new DataqueryBuilder().refId(refId(index)).expr(expr).legendFormat(legend).range().exemplar(Boolean(exemplars)),
      ),
    );
  if (stacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
  if (max !== undefined) panel.axisSoftMax(max);
  if (limits) {
    panel.thresholds(thresholds({ value: null, color: 'green' }, ...limits));
    panel.thresholdsStyle({ build: () => ({ mode: 'dashed' as never }) });
  }
  return panel;
}

/** How many requests took how long, over time; dots are traces to click. */
export function heatmap(spec: PanelSpec & { expr: string }): Builder<Panel> {
  return withBasics(new HeatmapBuilder(), spec)
    .calculate(false)
    .color(new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme('Blues').steps(64))
    .exemplarsColor('rgba(255, 120, 0, 0.9)')
    .cellGap(1)
    .targets([
      new DataqueryBuilder()
        .refId('A')
        .expr(spec.expr)
        .legendFormat('{{le}}')
        .format(PromQueryFormat.Heatmap)
        .range()
        .exemplar(true),
    ]);
}

export interface State {
  value: number;
  text: string;
  color: string;
}

/** What state something was in, and for how long. */
export function stateTimeline(spec: PanelSpec & { queries: Query[]; states: State[] }): Builder<Panel> {
  const { queries, states } = spec;
  return withBasics(new StateTimelineBuilder(), spec)
    .mappings([valueMap(states)])
    .showValue(VisibilityMode.Auto)
    .mergeValues(true)
    .fillOpacity(80)
    .targets(
      queries.map(({ expr, legend }, index) =>
        new DataqueryBuilder().refId(refId(index)).expr(expr).legendFormat(legend).range(),
      ),
    );
}

export interface Column {
  title: string;
  expr: string;
  unit: string;
  /** From which value on a cell is coloured. Those that rise to trouble begin green, those that fall to it red. */
  colors?: { value: number | null; color: string }[];
  decimals?: number;
  /** Words for values. */
  states?: State[];
}

/** What a health check found. */
export const healthStates: State[] = [
  { value: 0, text: 'error', color: 'red' },
  { value: 0.5, text: 'degraded', color: 'yellow' },
  { value: 1, text: 'ok', color: 'green' },
];

/** A row for each combination of `labels`, and a column for each query. */
export function table(
  spec: PanelSpec & { labels: Record<string, string>; columns: Column[]; rows?: number },
): Builder<Panel> {
  const { labels, columns, link } = spec;
  const names = [...Object.keys(labels), ...columns.map((_, index) => fieldOf(index, columns.length))];
  const panel = withBasics(new TableBuilder(), { ...spec, link: undefined })
    .height(spec.rows ?? height)
    .targets(
      columns.map(({ expr }, index) =>
        new DataqueryBuilder().refId(refId(index)).expr(expr).format(PromQueryFormat.Table).instant().legendFormat(''),
      ),
    )
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: { Time: true },
        indexByName: Object.fromEntries(names.map((name, index) => [name, index])),
        renameByName: {
          ...labels,
          ...Object.fromEntries(columns.map(({ title }, index) => [fieldOf(index, columns.length), title])),
        },
      },
    });
  for (const column of columns) panel.overrideByName(column.title, cell(column));
  const first = Object.values(labels)[0];
  if (link && first) panel.overrideByName(first, [{ id: 'links', value: [link.build()] }]);
  return panel;
}

/** Traces that Jaeger finds; a click opens one there, because Explore is not for anonymous viewers. */
export function traces(spec: PanelSpec & { search: Record<string, unknown> }): Builder<Panel> {
  const query = { refId: 'A', datasource: jaeger, queryType: 'search', service: '$job', limit: 20, ...spec.search };
  return withBasics(new TableBuilder(), spec)
    .datasource(jaeger)
    .targets([{ build: () => query as unknown as Dataquery }])
    .overrideByRegexp('/trace ?id/i', [
      {
        id: 'links',
        value: [
          new DashboardLinkBuilder('Open the trace')
            .url(`${jaegerUrl}/trace/\${__value.raw}`)
            .targetBlank(true)
            .build(),
        ],
      },
    ])
    .overrideByName('Duration', [{ id: 'unit', value: 'µs' }])
    .sortBy([{ build: () => ({ displayName: 'Duration', desc: true }) }])
    .repeat('job')
    .repeatDirection('v');
}

/** A link to another dashboard, for the service that a series is about. */
export function drillDown(title: string, dashboard: DashboardUid, label = 'job'): DashboardLinkBuilder {
  return new DashboardLinkBuilder(title).url(
    `/d/${dashboard}?var-job=\${__field.labels.${label}}&\${__url_time_range}`,
  );
}

/** The same from a cell of a table, whose first column names the service. */
export function drillDownFromCell(title: string, dashboard: DashboardUid): DashboardLinkBuilder {
  return new DashboardLinkBuilder(title).url(`/d/${dashboard}?var-job=\${__value.text}&\${__url_time_range}`);
}

/** Jaeger's traces of the service that a series is about. */
export function tracesOf(): DashboardLinkBuilder {
  return searchInJaeger(`\${__field.labels.job}`);
}

/** The same from a cell of a table, whose first column names the service. */
export function tracesOfCell(): DashboardLinkBuilder {
  return searchInJaeger(`\${__value.text}`);
}

function searchInJaeger(service: string): DashboardLinkBuilder {
  return new DashboardLinkBuilder('Traces in Jaeger')
    .url(`${jaegerUrl}/search?service=${service}&lookback=1h&limit=20`)
    .targetBlank(true);
}

/** What every panel has. */
function withBasics<B extends Settable>(panel: B, { title, description, unit, width, link }: PanelSpec): B {
  panel
    .id(panelId(title))
    .title(title)
    .description(description)
    .unit(unit)
    .datasource(prometheus)
    .span(width)
    .height(height);
  if (link) panel.dataLinks([link]);
  return panel;
}

/** The part of the SDK's panel builders that they all share. */
interface Settable {
  id(id: number): this;
  title(title: string): this;
  description(description: string): this;
  unit(unit: string): this;
  datasource(datasource: { type: string; uid: string }): this;
  span(width: number): this;
  height(height: number): this;
  dataLinks(links: DashboardLinkBuilder[]): this;
}

function thresholds(...steps: { value: number | null; color: string }[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}

function cell({ unit, decimals, colors, states }: Column): DynamicConfigValue[] {
  const properties: DynamicConfigValue[] = [{ id: 'unit', value: unit }];
  if (decimals !== undefined) properties.push({ id: 'decimals', value: decimals });
  if (states) properties.push({ id: 'mappings', value: [valueMap(states)] });
  if (colors) {
    properties.push({ id: 'thresholds', value: thresholds(...colors).build() });
    properties.push({
      id: 'custom.cellOptions',
      value: { type: 'color-background', mode: TableCellBackgroundDisplayMode.Basic },
    });
  }
  return properties;
}

function valueMap(states: State[]) {
  return {
    type: MappingType.ValueToText as const,
    options: Object.fromEntries(states.map(({ value, text, color }, index) => [String(value), { text, color, index }])),
  };
}

function refId(index: number): string {
  return String.fromCharCode(65 + index);
}

/** Grafana names the only value of a table `Value`, and several by their queries. */
function fieldOf(index: number, count: number): string {
  return count === 1 ? 'Value' : `Value #${refId(index)}`;
}
