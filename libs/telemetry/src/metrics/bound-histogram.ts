import { type SpanContext, TraceFlags } from '@opentelemetry/api';
import type { Histogram } from 'prom-client';
import type { MetricDefinition } from './catalogue.js';
import { histogram } from './registry.js';

type Key = string | number;
type Labels<D extends MetricDefinition> = Record<D['labels'][number], string | number>;

/**
 * A histogram whose series are bound to their labels when they are first seen, so that the hot path builds no label object.
 * Three keys from closed sets name a series; `labelsOf` says what they mean.
 */
export class BoundHistogram<D extends MetricDefinition & { type: 'histogram' }> {
  private readonly histogram: Histogram<string>;
  private readonly series = new Map<Key, Map<Key, Map<Key, Series<Labels<D>>>>>();

  constructor(
    definition: D,
    private readonly labelsOf: (a: Key, b: Key, c: Key) => Labels<D>,
  ) {
    this.histogram = histogram(definition) as unknown as Histogram<string>;
  }

  /** Observes a value, and where `span` is sampled leaves its trace as the bucket's exemplar: never a trace that nobody keeps. */
  observe(a: Key, b: Key, c: Key, value: number, span?: SpanContext): void {
    const series = this.at(a, b, c);
    // Exemplars are taken in the unbound form only, and the client's types allow no label in them that the metric lacks.
    if (span && span.traceFlags & TraceFlags.SAMPLED) {
      const exemplarLabels = { trace_id: span.traceId, span_id: span.spanId } as object;
      this.histogram.observe({ labels: series.labels, value, exemplarLabels });
    } else series.child.observe(value);
  }

  private at(a: Key, b: Key, c: Key): Series<Labels<D>> {
    const existing = this.series.get(a)?.get(b)?.get(c);
    if (existing) return existing;
    const labels = Object.freeze(this.labelsOf(a, b, c));
    const series = { labels, child: this.histogram.labels(labels) };
    const byB = this.series.get(a) ?? new Map();
    const byC = byB.get(b) ?? new Map();
    this.series.set(a, byB.set(b, byC.set(c, series)));
    return series;
  }
}

interface Series<L> {
  labels: L;
  child: { observe(value: number): void };
}
