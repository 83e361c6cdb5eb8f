import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import type { ResilienceEvent } from '../events/resilience.events.js';
import { LoadLimit, type Priority, turnMs } from './load-limit.policy.js';

const priorities: Priority[] = ['high', 'normal', 'low'];

describe('LoadLimit', () => {
  let now: number;
  let events: ResilienceEvent[];
  let load: LoadLimit;
  let askedWhileLate: number;

  beforeEach(() => {
    askedWhileLate = 10;
    now = 0;
    events = [];
    create();
  });

  function create(options = {}): void {
    load = new LoadLimit(options, { emit: (event) => events.push(event) });
  }

  const fill = (count: number, priority: Priority = 'high') => {
    for (let n = 0; n < count; n++) expect(load.enter(priority)).toBeUndefined();
  };

  /** A turn in which that many requests that are in flight end, each after so long, and as many come. */
  function turn({ requests = 0, latencyMs = 0, lateMs = 0 } = {}): void {
    now += turnMs;
    if (lateMs > 0) for (let n = 0; n < askedWhileLate; n++) load.refuses('high');
    for (let n = 0; n < requests; n++) load.leave(now - latencyMs, now);
    for (let n = 0; n < requests; n++) load.enter('high');
    load.turn(lateMs, now);
  }

  it('begins with a hundred, or what its options allow', () => {
    expect(load.limit).toBe(100);
    create({ maxLimit: 20 });
    expect(load.limit).toBe(20);
    create({ minLimit: 300 });
    expect(load.limit).toBe(300);
  });

  it.each([
    ['high', 100],
    ['normal', 80],
    ['low', 50],
  ] as const)('lets %s requests fill its limit up to %d', (priority, room) => {
    fill(room, priority);
    expect([load.refuses(priority), load.enter(priority)]).toEqual(['concurrency', 'concurrency']);
    expect(load.inFlight).toBe(room);
    load.leave(0, 1);
    fill(1, priority);
    expect(load.inFlight).toBe(room);
  });

  it('falls while its requests take too long, in proportion to how much', () => {
    fill(100);
    turn({ requests: 10, latencyMs: 2_000 });
    expect(load.limit).toBe(100);
    now = 5_000;
    turn({ requests: 10, latencyMs: 2_000 });
    expect(load.limit).toBe(50);
    now = 10_000;
    turn({ requests: 10, latencyMs: 1_250 });
    expect(load.limit).toBe(40);
  });

  it('does not take a request for a sign that began under another limit', () => {
    now = 5_000;
    fill(100);
    turn({ requests: 10, latencyMs: 2_000 });
    turn({ requests: 10, latencyMs: 2_000 });
    expect(load.limit).toBe(50);
    now += 2_000;
    turn({ requests: 10, latencyMs: 2_000 });
    expect(load.limit).toBe(25);
  });

  it('rises while it is used and they do not', () => {
    now = 5_000;
    fill(60);
    for (let n = 0; n < 20; n++) turn({ requests: 10, latencyMs: 900 });
    expect(load.limit).toBe(120);
  });

  it('stays as it is while less than half of it is used, however long requests take: that is not load', () => {
    fill(49);
    now = 5_000;
    for (let n = 0; n < 20; n++) turn({ requests: 10, latencyMs: 2_000 });
    for (let n = 0; n < 20; n++) turn({ requests: 10, latencyMs: 1 });
    expect(load.limit).toBe(100);
  });

  it('does not rise while nothing ends', () => {
    fill(100);
    for (let n = 0; n < 20; n++) turn();
    expect(load.limit).toBe(100);
  });

  describe('while the event loop is late', () => {
    const admittedOf = (priority: Priority) => {
      let admitted = 0;
      for (let n = 0; n < 100; n++) {
        jest.spyOn(Math, 'random').mockReturnValue(n / 100);
        if (load.refuses(priority) === undefined) admitted += 1;
      }
      jest.restoreAllMocks();
      return admitted;
    };

    it('admits a smaller share each turn, of what matters least the smallest', () => {
      for (let n = 0; n < 4; n++) turn({ lateMs: 150 });
      expect(load.share).toBe(1);
      for (let n = 0; n < 5; n++) turn({ lateMs: 150 });
      expect(load.share).toBeCloseTo(0.8 ** 5);
      expect(priorities.map(admittedOf)).toEqual([99, 33, 11]);
      jest.spyOn(Math, 'random').mockReturnValue(0.9);
      expect(load.refuses('low')).toBe('event_loop');
      jest.restoreAllMocks();
      expect(load.enter('low')).toBeUndefined();
    });

    it('never closes altogether, and opens again when it is not', () => {
      for (let n = 0; n < 100; n++) turn({ lateMs: 5_000 });
      expect(load.share).toBe(0.05);
      for (let n = 0; n < 19; n++) turn({ lateMs: 10 });
      expect(load.share).toBe(1);
    });

    it('does not mind when that is not for requests', () => {
      askedWhileLate = 9;
      for (let n = 0; n < 20; n++) turn({ lateMs: 3_000 });
      expect(load.share).toBe(1);
    });

    it('does not mind long tasks', () => {
      for (let n = 0; n < 20; n++) turn({ lateMs: n % 5 ? 3_000 : 0 });
      expect(load.share).toBe(1);
    });
  });

  it('tells of each refusal, when they begin, and when there have been none for five seconds', () => {
    create({ maxLimit: 10, minLimit: 10 });
    fill(8, 'normal');
    for (const priority of priorities) load.enter(priority);
    load.enter('high');
    load.enter('high');
    expect(events).toEqual([
      { type: 'shed', priority: 'normal', reason: 'concurrency' },
      { type: 'shedding', active: true, limit: 10, refusals: 1 },
      { type: 'shed', priority: 'low', reason: 'concurrency' },
      { type: 'shed', priority: 'high', reason: 'concurrency' },
    ]);
    events = [];
    for (let n = 0; n < 49; n++) turn();
    expect(events).toEqual([]);
    turn();
    turn();
    expect(events).toEqual([{ type: 'shedding', active: false, limit: 10, refusals: 3 }]);
    load.enter('low');
    expect(events.slice(1)).toEqual([
      { type: 'shed', priority: 'low', reason: 'concurrency' },
      { type: 'shedding', active: true, limit: 10, refusals: 1 },
    ]);
  });

  it.each([
    [{ minLimit: 0 }, /minLimit/],
    [{ maxLimit: 0.5 }, /maxLimit/],
    [{ minLimit: 20, maxLimit: 10 }, /minLimit \(20\) must not exceed maxLimit \(10\)/],
    [{ latencyMs: 0 }, /latencyMs/],
    [{ loopDelayMs: 600_001 }, /loopDelayMs/],
  ])('refuses %j', (options, message) => {
    expect(() => create(options)).toThrow(message);
  });

  it('keeps its bounds and its order in any history', () => {
    const step = fc.oneof(
      fc.record({
        enter: fc.constantFrom(...priorities),
        chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      }),
      fc.record({ leaveAfterMs: fc.integer({ min: 0, max: 20_000 }) }),
      fc.record({ turnLateMs: fc.integer({ min: 0, max: 5_000 }) }),
    );
    const bounds = fc.record({
      minLimit: fc.integer({ min: 1, max: 30 }),
      maxLimit: fc.integer({ min: 30, max: 200 }),
    });
    let chance = 0;
    jest.spyOn(Math, 'random').mockImplementation(() => chance);
    fc.assert(
      fc.property(bounds, fc.array(step, { maxLength: 300, size: 'max' }), (options, steps) => {
        create(options);
        const startedAt: number[] = [];
        for (const step of steps) {
          now += 10;
          if ('enter' in step) {
            chance = step.chance;
            const before = load.inFlight;
            const room = load.limit;
            if ((load.refuses(step.enter) ?? load.enter(step.enter)) === undefined) {
              startedAt.push(now);
              expect(before).toBeLessThan(room);
              // Whoever matters more would have been let in too.
              for (const higher of priorities.slice(0, priorities.indexOf(step.enter))) {
                load.leave(now, now);
                expect(load.refuses(higher) ?? load.enter(higher)).toBeUndefined();
              }
            }
          } else if ('leaveAfterMs' in step) {
            const began = startedAt.shift();
            if (began !== undefined) load.leave(began - step.leaveAfterMs, now);
          } else {
            load.turn(step.turnLateMs, now);
          }
          expect(load.inFlight).toBe(startedAt.length);
          expect(load.limit).toBeGreaterThanOrEqual(options.minLimit);
          expect(load.limit).toBeLessThanOrEqual(options.maxLimit);
          expect(load.share).toBeGreaterThan(0);
          expect(load.share).toBeLessThanOrEqual(1);
        }
      }),
    );
    jest.restoreAllMocks();
  });
});
