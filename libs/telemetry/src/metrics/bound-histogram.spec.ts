import { beforeEach, describe, expect, it } from '@jest/globals';
import { type SpanContext, TraceFlags } from '@opentelemetry/api';
import { BoundHistogram } from './bound-histogram.js';
import { registry } from './registry.js';

const definition = {
  type: 'histogram',
  name: 'spec_wait_seconds',
  help: 'Waits.',
  labels: ['route', 'method', 'status'],
  buckets: [0.1, 1],
} as const;

const spanOf = (traceFlags: TraceFlags): SpanContext => ({
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  traceFlags,
});
const lines = async (part: string) => (await registry.metrics()).split('\n').filter((line) => line.includes(part));

describe('BoundHistogram', () => {
  let made: unknown[];
  let waits: BoundHistogram<typeof definition>;

  beforeEach(() => {
    registry.clear();
    made = [];
    waits = new BoundHistogram(definition, (route, method, status) => {
      made.push([route, method, status]);
      return { route, method, status };
    });
  });

  it('observes the same keys into the same series, whose labels it makes once', async () => {
    waits.observe('/a', 'GET', 200, 0.5);
    waits.observe('/a', 'GET', 200, 0.25, spanOf(TraceFlags.SAMPLED));
    waits.observe('/a', 'GET', 200, 0.25, spanOf(TraceFlags.NONE));
    expect(made).toEqual([['/a', 'GET', 200]]);
    expect(await lines('spec_wait_seconds_count')).toEqual([
      'spec_wait_seconds_count{route="/a",method="GET",status="200"} 3',
    ]);
    expect(await lines('spec_wait_seconds_sum')).toEqual([
      'spec_wait_seconds_sum{route="/a",method="GET",status="200"} 1',
    ]);
  });

  it.each([
    ['/b', 'GET', 200],
    ['/a', 'PUT', 200],
    ['/a', 'GET', 500],
  ])('keeps a series of its own for %s %s %s', async (route, method, status) => {
    waits.observe('/a', 'GET', 200, 0.5);
    waits.observe(route, method, status, 0.5);
    expect(await lines('spec_wait_seconds_count')).toHaveLength(2);
  });

  it('leaves the trace of a sampled span as exemplar', async () => {
    waits.observe('/a', 'GET', 200, 0.5, spanOf(TraceFlags.SAMPLED));
    const [exemplar, ...others] = await lines(' # {');
    expect(exemplar).toContain('le="1"');
    expect(exemplar).toContain(`trace_id="${'a'.repeat(32)}"`);
    expect(exemplar).toContain(`span_id="${'b'.repeat(16)}"`);
    expect(others).toEqual([]);
  });

  it('leaves no exemplar of a span that nobody keeps, nor without one', async () => {
    waits.observe('/a', 'GET', 200, 0.5, spanOf(TraceFlags.NONE));
    waits.observe('/a', 'GET', 200, 0.5);
    expect(await lines(' # {')).toEqual([]);
  });
});
