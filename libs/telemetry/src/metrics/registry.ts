import { performance } from 'node:perf_hooks';
import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import { catalogue, type MetricDefinition, runtimeMetricNames } from './catalogue.js';

/** The process' one registry. It speaks OpenMetrics, because exemplars exist only there. */
export const registry = new Registry(Registry.OPENMETRICS_CONTENT_TYPE);

type Label<D extends MetricDefinition> = D['labels'][number];

/** The counter of this definition; made at the first call, the same one afterwards. `collect` is called at each scrape, for what is counted elsewhere until then. */
export function counter<D extends MetricDefinition & { type: 'counter' }>(
  definition: D,
  collect?: () => void,
): Counter<Label<D>> {
  return once(definition, () => new Counter({ ...config(definition), ...(collect && { collect }) }));
}

/** The gauge of this definition. `collect` is called at each scrape, for values that are read rather than counted. */
export function gauge<D extends MetricDefinition & { type: 'gauge' }>(
  definition: D,
  collect?: (gauge: Gauge<Label<D>>) => void | Promise<void>,
): Gauge<Label<D>> {
  return once(
    definition,
    () =>
      new Gauge({
        ...config(definition),
        collect(this: Gauge<Label<D>>) {
          return collect?.(this);
        },
      }),
  );
}

/** The histogram of this definition, with exemplars. */
export function histogram<D extends MetricDefinition & { type: 'histogram' }>(definition: D): Histogram<Label<D>> {
  return once(
    definition,
    () => new Histogram({ ...config(definition), buckets: [...(definition.buckets ?? [])], enableExemplars: true }),
  );
}

/** Registers what Go shows as goroutines, and the rest of the runtime: event loop, heap, GC, handles, CPU. At start; a second call does nothing. */
export function registerRuntimeMetrics(): void {
  if (registry.getSingleMetric(runtimeMetricNames.cpu)) return;
  collectDefaultMetrics({ register: registry });
  let last = performance.eventLoopUtilization();
  gauge(catalogue.eventLoopUtilization, (metric) => {
    const now = performance.eventLoopUtilization();
    metric.set(performance.eventLoopUtilization(now, last).utilization);
    last = now;
  });
}

function config<D extends MetricDefinition>(definition: D) {
  return { name: definition.name, help: definition.help, labelNames: [...definition.labels], registers: [registry] };
}

function once<M extends Metric>(definition: MetricDefinition, make: () => M): M {
  return (registry.getSingleMetric(definition.name) as M | undefined) ?? make();
}
