import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { type BalancerOptions, discoveryEnv, discoveryOptions } from '../discovery.env.js';
import type { Endpoint } from '../sources/source.js';
import type { BalancedInstance } from './balanced.instance.js';
import { InstanceBalancer } from './instance.balancer.js';

const defaults = discoveryOptions(discoveryEnv.parse({}));
const ejections: { host: string; reason: string; forMs: number }[] = [];

function balancerOf(endpoints: Endpoint[], options: Partial<BalancerOptions> = {}): InstanceBalancer {
  const balancer = new InstanceBalancer(
    'http',
    { ...defaults, ...options },
    {
      ejected: ({ endpoint }, reason, forMs) => ejections.push({ host: endpoint.host, reason, forMs }),
      removed: () => undefined,
    },
  );
  balancer.update(endpoints);
  return balancer;
}

function endpoints(count: number, more: (index: number) => Partial<Endpoint> = () => ({})): Endpoint[] {
  return Array.from({ length: count }, (_, index) => ({ host: `10.0.0.${index}`, port: 80, ...more(index) }));
}

/** Calls one after the other; each takes as long as its instance does. @returns how many each host got */
function call(
  balancer: InstanceBalancer,
  calls: number,
  msOf: (host: string) => number = () => 10,
  everyMs = 1,
): Map<string, number> {
  const got = new Map<string, number>();
  for (let count = 0; count < calls; count += 1) {
    const instance = balancer.pick() as BalancedInstance;
    const { host } = instance.endpoint;
    got.set(host, (got.get(host) ?? 0) + 1);
    balancer.record(instance, 'success', msOf(host));
    jest.advanceTimersByTime(everyMs);
  }
  return got;
}

function fail(balancer: InstanceBalancer, host: string, times: number): void {
  for (let count = 0; count < times; ) {
    const instance = balancer.pick() as BalancedInstance;
    const failed = instance.endpoint.host === host;
    balancer.record(instance, failed ? 'failure' : 'success', 10);
    if (failed) count += 1;
  }
}

describe('a balancer', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    jest.advanceTimersByTime(1_000_000);
    ejections.length = 0;
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('knows no instance before it has been told of one', () => {
    expect(balancerOf([]).pick()).toBeUndefined();
  });

  it('gives those that are equally well what their weights say', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(weights, (weights) => {
        const calls = 10_000;
        const got = call(
          balancerOf(endpoints(weights.length, (index) => ({ weight: weights[index] as number }))),
          calls,
        );
        const sum = weights.reduce((all, weight) => all + weight, 0);
        for (const [index, weight] of weights.entries()) {
          const share = weight / sum;
          const deviation = Math.sqrt((share * (1 - share)) / calls);
          expect(Math.abs((got.get(`10.0.0.${index}`) ?? 0) / calls - share)).toBeLessThan(5 * deviation + 0.002);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('gives one that is slow hardly anything, and tries it again after a while', () => {
    const balancer = balancerOf(endpoints(5));
    let slowMs = 500;
    const msOf = (host: string) => (host === '10.0.0.0' ? slowMs : 2);
    call(balancer, 100, msOf, 5);
    const calls = 4_000;
    expect((call(balancer, calls, msOf, 5).get('10.0.0.0') ?? 0) / calls).toBeLessThan(0.005);
    slowMs = 2;
    call(balancer, 6_000, msOf, 5);
    expect((call(balancer, calls, msOf, 5).get('10.0.0.0') ?? 0) / calls).toBeGreaterThan(0.15);
  });

  it('leaves one alone that does not answer, long before an answer is overdue', () => {
    const balancer = balancerOf(endpoints(3));
    call(balancer, 300);
    for (let hanging = 0; hanging < 3; ) {
      const instance = balancer.pick() as BalancedInstance;
      if (instance.endpoint.host === '10.0.0.0') hanging += 1;
      else balancer.record(instance, 'success', 10);
    }
    jest.advanceTimersByTime(200);
    expect(call(balancer, 200).get('10.0.0.0') ?? 0).toBeLessThan(10);
  });

  it('lets a new instance begin with less than its share', () => {
    const balancer = balancerOf(endpoints(4));
    jest.advanceTimersByTime(60_000);
    call(balancer, 400);
    balancer.update(endpoints(5));
    expect(call(balancer, 1_000).get('10.0.0.4') ?? 0).toBeLessThan(50);
    jest.advanceTimersByTime(10_000);
    expect(call(balancer, 1_000).get('10.0.0.4') ?? 0).toBeGreaterThan(100);
  });

  it('keeps what it knows of an instance when the list changes', () => {
    const balancer = balancerOf(endpoints(2));
    const [first] = balancer.instances;
    balancer.update([...endpoints(3), ...endpoints(3)]);
    expect([...balancer.instances][0]).toBe(first);
    expect([...balancer.instances].map(({ index }) => index)).toEqual([0, 1, 2]);
    balancer.update(endpoints(3).slice(1));
    balancer.update([{ host: 'fd00::1', port: 443 }, ...endpoints(3).slice(1)]);
    expect([...balancer.instances].map(({ index, origin }) => [index, origin])).toEqual([
      [1, 'http://10.0.0.1:80'],
      [2, 'http://10.0.0.2:80'],
      [0, 'http://[fd00::1]:443'],
    ]);
  });

  it('prefers its own zone, until another one is much better', () => {
    const zones = (index: number) => ({ zone: index < 2 ? 'here' : 'there' });
    const near = balancerOf(endpoints(4, zones), { zone: 'here' });
    const got = call(near, 1_000);
    expect((got.get('10.0.0.0') ?? 0) + (got.get('10.0.0.1') ?? 0)).toBeGreaterThan(950);
    const slow = call(near, 1_000, (host) => (host < '10.0.0.2' ? 1_000 : 10));
    expect((slow.get('10.0.0.2') ?? 0) + (slow.get('10.0.0.3') ?? 0)).toBeGreaterThan(900);
    const nowhere = call(balancerOf(endpoints(4, zones), { zone: 'elsewhere' }), 1_000);
    expect(Math.min(...nowhere.values())).toBeGreaterThan(150);
  });

  it.each(['peak-ewma', 'round-robin'] as const)('avoids the instance of the attempt before: %s', (balancer) => {
    for (const count of [2, 3]) {
      const balanced = balancerOf(endpoints(count), { balancer, zone: 'here' });
      for (let turn = 0; turn < 100; turn += 1) {
        const first = balanced.pick() as BalancedInstance;
        expect(balanced.pick(first)).not.toBe(first);
      }
    }
    const alone = balancerOf(endpoints(1), { balancer });
    expect(alone.pick(alone.pick())).toBe(alone.pick());
  });

  it('takes turns where it is told so, and begins anywhere', () => {
    const balancers = Array.from({ length: 50 }, () => balancerOf(endpoints(5), { balancer: 'round-robin' }));
    const first = balancers.map((balancer) => (balancer.pick() as BalancedInstance).index);
    expect(new Set(first).size).toBe(5);
    expect([...call(balancers[0]!, 100).values()]).toEqual([20, 20, 20, 20, 20]);
  });

  describe('ejects an instance', () => {
    it('after so many failures without a success in between, for longer each time', () => {
      const balancer = balancerOf(endpoints(5));
      fail(balancer, '10.0.0.1', 4);
      expect(ejections).toEqual([]);
      fail(balancer, '10.0.0.1', 1);
      expect(ejections).toEqual([{ host: '10.0.0.1', reason: 'consecutive_failures', forMs: 10_000 }]);
      expect(balancer.counts).toEqual({ known: 5, ejected: 1, in_use: 4 });
      expect(call(balancer, 500).has('10.0.0.1')).toBe(false);
      jest.advanceTimersByTime(30_000);
      fail(balancer, '10.0.0.1', 5);
      jest.advanceTimersByTime(60_000);
      fail(balancer, '10.0.0.1', 5);
      expect(ejections.map(({ forMs }) => forMs)).toEqual([10_000, 20_000, 40_000]);
      jest.advanceTimersByTime(40_000 + 300_001);
      fail(balancer, '10.0.0.1', 5);
      expect(ejections.at(-1)?.forMs).toBe(10_000);
    });

    it('that says it is going, and takes it back later', () => {
      const balancer = balancerOf(endpoints(2), { ejection: false });
      const going = balancer.pick() as BalancedInstance;
      balancer.record(going, 'success', 10);
      balancer.going(going);
      balancer.going(going);
      expect(ejections).toEqual([{ host: going.endpoint.host, reason: 'going', forMs: 10_000 }]);
      expect(call(balancer, 200).has(going.endpoint.host)).toBe(false);
      jest.advanceTimersByTime(20_000);
      expect(call(balancer, 200).has(going.endpoint.host)).toBe(true);
    });

    it('never where that is off', () => {
      const balancer = balancerOf(endpoints(3), { ejection: false });
      fail(balancer, '10.0.0.1', 50);
      expect(ejections).toEqual([]);
    });

    it('only while that leaves half of them', () => {
      const balancer = balancerOf(endpoints(5));
      for (let count = 0; count < 1_000; count += 1) {
        balancer.record(balancer.pick() as BalancedInstance, 'failure', 10);
      }
      expect(balancer.counts).toEqual({ known: 5, ejected: 2, in_use: 3 });
      const alone = balancerOf(endpoints(1));
      fail(alone, '10.0.0.0', 50);
      expect(alone.counts.ejected).toBe(0);
    });

    it('and goes on with all when none is left', () => {
      const balancer = balancerOf(endpoints(2));
      for (const instance of [...balancer.instances]) balancer.going(instance);
      expect(balancer.pick()).toBeDefined();
    });
  });

  it('holds, whatever happens: no ejected instance while another is well, every score a number, at most half ejected', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('pick' as const) }) },
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant('end' as const),
          outcome: fc.constantFrom('success' as const, 'failure' as const, 'neutral' as const),
          ms: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 100_000, noNaN: true })),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 400_000 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constant('list' as const),
          weights: fc.array(fc.constantFrom(0, 0.5, 1, 100), { minLength: 1, maxLength: 8 }),
        }),
      },
    );
    const options = fc.record({
      balancer: fc.constantFrom('peak-ewma' as const, 'round-robin' as const),
      zone: fc.constantFrom(undefined, 'zone-0'),
    });
    fc.assert(
      fc.property(options, fc.array(step, { minLength: 20, maxLength: 200 }), (options, steps) => {
        const balancer = balancerOf(endpoints(5), {
          ...options,
          ejection: { failures: 2, ms: 10_000, maxMs: 300_000 },
        });
        const underWay: BalancedInstance[] = [];
        for (const what of steps) {
          if (what.do === 'wait') jest.advanceTimersByTime(what.ms);
          if (what.do === 'list') {
            balancer.update(
              endpoints(what.weights.length, (index) => ({
                weight: what.weights[index] as number,
                zone: `zone-${index % 2}`,
              })),
            );
          }
          if (what.do === 'pick') underWay.push(balancer.pick(underWay.at(-1)) as BalancedInstance);
          const ended = what.do === 'end' ? underWay.shift() : undefined;
          if (ended && what.do === 'end') balancer.record(ended, what.outcome, what.ms);

          const now = performance.now();
          const known = [...balancer.instances];
          const well = known.filter(({ ejectedUntil }) => ejectedUntil <= now);
          const picked = what.do === 'pick' ? underWay.at(-1) : undefined;
          if (picked && well.length > 0) expect(well).toContain(picked);
          for (const instance of known) {
            expect(Number.isFinite(instance.score(now))).toBe(true);
            expect(instance.score(now)).toBeGreaterThan(0);
          }
          // Of a list that became shorter, those that were ejected before may be more.
          if (!steps.some((one) => one.do === 'list')) {
            expect(known.length - well.length).toBeLessThanOrEqual(known.length / 2);
          }
        }
        for (const instance of underWay) balancer.record(instance, 'neutral', 1);
        for (const { latency } of balancer.instances) expect(latency.inFlight).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
