import { beforeAll, describe, expect, it } from '@jest/globals';
import { catalogue, type MetricDefinition, runtimeMetricNames } from './catalogue.js';
import { counter, gauge, histogram, registerRuntimeMetrics, registry } from './registry.js';

const definitions: MetricDefinition[] = Object.values(catalogue);
const ofType = (type: MetricDefinition['type']) => definitions.filter((definition) => definition.type === type);

describe('the catalogue', () => {
  it('names each metric once', () => {
    const names = definitions.map(({ name }) => name);
    expect(names.toSorted()).toEqual([...new Set(names)].sort());
  });

  it.each(definitions)('$name is snake_case and says what it is', ({ name, help }) => {
    expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(help).toMatch(/^[A-Z].*\.$/);
  });

  it.each(ofType('counter'))('$name, a counter, ends in _total', ({ name }) => {
    expect(name).toMatch(/_total$/);
  });

  it.each(ofType('gauge'))('$name, a gauge, does not end in _total', ({ name }) => {
    expect(name).not.toMatch(/_total$/);
  });

  it.each(ofType('histogram'))('$name, a histogram, ends in its unit and has rising buckets', ({ name, buckets }) => {
    expect(name).toMatch(/_(seconds|bytes|ratio)$/);
    expect(buckets?.length).toBeGreaterThan(1);
    expect(buckets?.toSorted((a, b) => a - b)).toEqual(buckets);
  });

  it.each(definitions)('$name has labels in snake_case, none of them without bounds', ({ labels }) => {
    for (const label of labels) {
      expect(label).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(label).not.toMatch(/(^|_)(url|uri|path|id|message|key|user)$/);
    }
    expect(new Set(labels).size).toBe(labels.length);
  });
});

describe('the registry', () => {
  beforeAll(() => registerRuntimeMetrics());

  it('makes each metric once, however often it is asked for', () => {
    expect(counter(catalogue.cacheRequests)).toBe(counter(catalogue.cacheRequests));
    expect(gauge(catalogue.outboxPending)).toBe(gauge(catalogue.outboxPending));
    expect(histogram(catalogue.httpServerRequestDuration)).toBe(histogram(catalogue.httpServerRequestDuration));
  });

  it.each(Object.values(runtimeMetricNames))('has %s once the runtime’s metrics are registered', (name) => {
    expect(registry.getSingleMetric(name)).toBeDefined();
  });

  it('tells how busy the event loop was', async () => {
    const name = catalogue.eventLoopUtilization.name;
    const value = Number((await registry.getSingleMetricAsString(name)).split(' ').at(-1));
    expect(value).toBeGreaterThanOrEqual(0);
    expect(value).toBeLessThanOrEqual(1);
  });

  it('takes a second registration of the runtime’s metrics, by the next service in a process', () => {
    expect(registerRuntimeMetrics).not.toThrow();
  });
});
