import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { isResilienceError, type ResilienceError } from '../errors/resilience.error.js';
import type { ResilienceEvent } from '../events/resilience.events.js';
import type { CircuitBreakerOptions } from './circuit-breaker.options.js';
import {
  CircuitBreaker,
  type CircuitOutcome,
  type CircuitPermit,
  type CircuitState,
} from './circuit-breaker.policy.js';

const options = {
  failureRatio: 0.5,
  windowMs: 10_000,
  minimumThroughput: 4,
  slowCallMs: 100,
  slowCallRatio: 0.75,
  openMs: 1_000,
  maxOpenMs: 3_000,
  halfOpenProbes: 2,
};

describe('CircuitBreaker', () => {
  let events: ResilienceEvent[];
  let breaker: CircuitBreaker;
  let calls: number;

  beforeEach(() => {
    jest.useFakeTimers();
    // No jitter: open for exactly as long as the options say.
    jest.spyOn(Math, 'random').mockReturnValue(1);
    events = [];
    calls = 0;
    connect();
  });
  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  function connect(given: CircuitBreakerOptions = {}): void {
    breaker = new CircuitBreaker('payments', { ...options, ...given }, { emit: (event) => events.push(event) });
  }

  function succeed(durationMs = 0): Promise<string> {
    return breaker.execute(async () => {
      calls += 1;
      jest.advanceTimersByTime(durationMs);
      return 'paid';
    });
  }

  function fail(): Promise<void> {
    const broken = new Error('broken');
    return breaker
      .execute(async () => {
        calls += 1;
        throw broken;
      })
      .catch((error: unknown) => expect(error).toBe(broken));
  }

  /** The error of a call that must not have been made. */
  async function refusal(): Promise<ResilienceError> {
    const before = calls;
    const error = await succeed().catch((thrown: unknown) => thrown);
    expect(isResilienceError(error, 'circuit_open')).toBe(true);
    expect(calls).toBe(before);
    return error as ResilienceError;
  }

  async function openIt(): Promise<void> {
    for (let n = 0; n < 4; n++) await fail();
    expect(breaker.state.kind).toBe('open');
  }

  async function halfOpenIt(): Promise<CircuitPermit> {
    await openIt();
    jest.advanceTimersByTime(1_000);
    const permit = breaker.acquire();
    expect(breaker.state.kind).toBe('half-open');
    return permit;
  }

  describe('closed', () => {
    it('lets calls through and passes on what they return', async () => {
      expect(await succeed()).toBe('paid');
      expect(calls).toBe(1);
      expect(breaker.counts).toEqual({ calls: 1, failures: 0, slow: 0 });
      expect(events).toEqual([]);
    });

    it('opens when the failures reach their ratio', async () => {
      for (const next of [succeed, succeed, fail, fail]) {
        expect(breaker.state.kind).toBe('closed');
        await next();
      }
      expect(breaker.state.kind).toBe('open');
      expect(calls).toBe(4);
      expect(events).toEqual([
        {
          type: 'transition',
          client: 'payments',
          from: 'closed',
          to: 'open',
          calls: 4,
          failures: 2,
          slow: 0,
          causes: ['Error'],
        },
      ]);
    });

    it('tells the last causes, each once', () => {
      for (const cause of [{ status: 500 }, { code: 'ECONNRESET' }, { code: 'ECONNRESET' }, new TypeError('odd')]) {
        breaker.record(breaker.acquire(), 'failure', 101, undefined, cause);
      }
      expect(events).toMatchObject([{ to: 'open', causes: ['500', 'ECONNRESET', 'TypeError'] }]);
      breaker.reset();
      for (const status of [500, 502, 503, 504]) {
        breaker.record(breaker.acquire(), 'failure', 0, undefined, { status });
      }
      expect(events.at(-1)).toMatchObject({ to: 'open', causes: ['502', '503', '504'] });
    });

    it('counts no call as slow where it was not told which is', async () => {
      breaker = new CircuitBreaker('postgres', { minimumThroughput: 1 });
      await succeed(1_000_000);
      expect(breaker.counts).toEqual({ calls: 1, failures: 0, slow: 0 });
    });

    it('stays closed below the ratio', async () => {
      for (const next of [fail, succeed, succeed, succeed, fail, succeed, succeed]) await next();
      expect(breaker.state.kind).toBe('closed');
      expect(breaker.counts).toEqual({ calls: 7, failures: 2, slow: 0 });
      expect(calls).toBe(7);
    });

    it('stays closed below the minimum throughput, though every call fails', async () => {
      for (const next of [fail, fail, fail]) await next();
      expect(breaker.state.kind).toBe('closed');
      await fail();
      expect(breaker.state.kind).toBe('open');
      expect(calls).toBe(4);
    });

    it('opens at exactly the ratio, whatever number it is', () => {
      const share = fc
        .integer({ min: 1, max: 100 })
        .chain((all) => fc.tuple(fc.integer({ min: 1, max: all }), fc.constant(all)));
      fc.assert(
        fc.property(share, ([failures, all]) => {
          const tested = new CircuitBreaker('payments', { failureRatio: failures / all, minimumThroughput: all });
          for (let n = 0; n < all; n++) tested.record(tested.acquire(), n < failures ? 'failure' : 'success', 0);
          expect(tested.state.kind).toBe('open');
        }),
      );
    });

    it('forgets failures older than the window', async () => {
      for (const next of [fail, fail, fail]) await next();
      jest.advanceTimersByTime(10_000);
      await fail();
      expect(breaker.state.kind).toBe('closed');
      expect(breaker.counts).toEqual({ calls: 1, failures: 1, slow: 0 });
    });

    it('opens when too many calls are slow, though they all succeed', async () => {
      for (const durationMs of [0, 101, 101]) await succeed(durationMs);
      expect(breaker.state.kind).toBe('closed');
      await succeed(101);
      expect(breaker.state.kind).toBe('open');
      expect(events).toMatchObject([{ to: 'open', calls: 4, failures: 0, slow: 3 }]);
    });

    it('takes a call of exactly slowCallMs for a quick one', async () => {
      for (let n = 0; n < 10; n++) await succeed(100);
      expect(breaker.state.kind).toBe('closed');
      expect(breaker.counts).toEqual({ calls: 10, failures: 0, slow: 0 });
    });

    it('counts no neutral call', () => {
      for (let n = 0; n < 100; n++) breaker.record(breaker.acquire(), 'neutral', 1_000);
      expect(breaker.counts).toEqual({ calls: 0, failures: 0, slow: 0 });
      expect(breaker.state.kind).toBe('closed');
    });
  });

  describe('open', () => {
    it('refuses, calls nothing, and says when it may be worth trying again', async () => {
      await openIt();
      expect((await refusal()).retryAfterMs).toBe(1_000);
      jest.advanceTimersByTime(400);
      expect(await refusal()).toMatchObject({ client: 'payments', code: 'circuit_open', retryAfterMs: 600 });
      expect(calls).toBe(4);
    });

    it('lets a first probe through when its time is over, and not before', async () => {
      await openIt();
      jest.advanceTimersByTime(999);
      await refusal();
      jest.advanceTimersByTime(1);
      expect(await succeed()).toBe('paid');
      expect(breaker.state.kind).toBe('half-open');
      expect(calls).toBe(5);
    });

    it('is open for nine to ten tenths of openMs, so that instances do not probe together', () => {
      fc.assert(
        fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (random) => {
          jest.spyOn(Math, 'random').mockReturnValue(random);
          const tested = new CircuitBreaker('payments', { minimumThroughput: 1, openMs: 1_000 });
          tested.record(tested.acquire(), 'failure', 0);
          const openFor = (tested.state as Extract<CircuitState, { kind: 'open' }>).until - performance.now();
          expect(openFor).toBeGreaterThanOrEqual(899.999);
          expect(openFor).toBeLessThanOrEqual(1_000);
        }),
      );
    });

    it('ignores the late result of a call that it let through when it was closed', async () => {
      const late = breaker.acquire();
      await openIt();
      const { state } = breaker;
      breaker.record(late, 'success', 0);
      expect(breaker.state).toBe(state);
      expect(breaker.counts).toEqual({ calls: 0, failures: 0, slow: 0 });
    });
  });

  describe('half-open', () => {
    it('admits as many probes as the options say, and no more', async () => {
      await halfOpenIt();
      breaker.acquire();
      for (let n = 0; n < 10; n++) expect((await refusal()).retryAfterMs).toBe(1_000);
      expect(calls).toBe(4);
    });

    it('closes, with nothing counted, when all probes succeed', async () => {
      breaker.record(await halfOpenIt(), 'success', 0);
      expect(breaker.state.kind).toBe('half-open');
      await succeed();
      expect(breaker.state).toEqual({ kind: 'closed' });
      expect(breaker.counts).toEqual({ calls: 0, failures: 0, slow: 0 });
      expect(calls).toBe(5);
      expect(events).toMatchObject([
        { from: 'closed', to: 'open', calls: 4, failures: 4 },
        { from: 'open', to: 'half-open' },
        { from: 'half-open', to: 'closed' },
      ]);
    });

    it.each([
      ['fails', 'failure', 0, { calls: 1, failures: 1, slow: 0, causes: ['ECONNREFUSED'] }],
      ['is slow', 'success', 101, { calls: 1, failures: 0, slow: 1, causes: ['slow'] }],
    ] as const)('is open again at once when one probe %s, and tells why', async (_what, outcome, durationMs, told) => {
      const [first, second] = [await halfOpenIt(), breaker.acquire()];
      breaker.record(first, outcome, durationMs, undefined, { code: 'ECONNREFUSED' });
      expect(breaker.state.kind).toBe('open');
      expect(events.at(-1)).toEqual({ type: 'transition', client: 'payments', from: 'half-open', to: 'open', ...told });
      const { state } = breaker;
      breaker.record(second, 'success', 0);
      expect(breaker.state).toBe(state);
      await refusal();
    });

    it('is open for twice as long after each failed probe, up to maxOpenMs', async () => {
      await openIt();
      for (const openMs of [1_000, 2_000, 3_000, 3_000]) {
        expect((await refusal()).retryAfterMs).toBe(openMs);
        jest.advanceTimersByTime(openMs - 1);
        await refusal();
        jest.advanceTimersByTime(1);
        await fail();
      }
      expect(calls).toBe(8);
    });

    it('is open for openMs again after it was closed', async () => {
      await openIt();
      jest.advanceTimersByTime(1_000);
      await fail();
      jest.advanceTimersByTime(2_000);
      for (const next of [succeed, succeed]) await next();
      expect(breaker.state.kind).toBe('closed');
      await openIt();
      expect((await refusal()).retryAfterMs).toBe(1_000);
    });

    it('gives the place of a neutral probe to another, and counts it for nothing', async () => {
      const first = await halfOpenIt();
      const second = breaker.acquire();
      await refusal();
      breaker.record(first, 'neutral', 0);
      const third = breaker.acquire();
      await refusal();
      breaker.record(second, 'success', 0);
      expect(breaker.state.kind).toBe('half-open');
      breaker.record(third, 'success', 0);
      expect(breaker.state.kind).toBe('closed');
    });

    it('ignores the late result of a call from before', async () => {
      const late = breaker.acquire();
      await halfOpenIt();
      breaker.record(late, 'failure', 0);
      expect(breaker.state).toMatchObject({ kind: 'half-open', admitted: 1, succeeded: 0 });
    });
  });

  describe('for operators', () => {
    it('refuses every call while it is forced open, for however long', async () => {
      breaker.forceOpen();
      jest.advanceTimersByTime(1_000_000);
      expect((await refusal()).retryAfterMs).toBe(1_000);
      expect(calls).toBe(0);
      expect(events).toMatchObject([{ from: 'closed', to: 'forced-open' }]);
    });

    it('lets every call through while it is forced closed, whatever comes of them', async () => {
      await openIt();
      breaker.forceClosed();
      for (let n = 0; n < 20; n++) await fail();
      expect(breaker.state.kind).toBe('forced-closed');
      expect(calls).toBe(24);
    });

    it.each(['forceOpen', 'forceClosed'] as const)(
      'counts again from nothing when it is reset after %s',
      async (force) => {
        for (const next of [fail, fail, fail]) await next();
        const late = breaker.acquire();
        breaker[force]();
        breaker.reset();
        expect(breaker.state).toEqual({ kind: 'closed' });
        breaker.record(late, 'failure', 0);
        expect(breaker.counts).toEqual({ calls: 0, failures: 0, slow: 0 });
        await succeed();
        expect(calls).toBe(4);
      },
    );

    it('tells nothing when nothing changes', () => {
      breaker.reset();
      breaker.forceOpen();
      breaker.forceOpen();
      expect(events).toHaveLength(1);
    });
  });

  it.each([
    ['failureRatio', 0],
    ['failureRatio', 1.01],
    ['windowMs', 0],
    ['minimumThroughput', 0],
    ['slowCallMs', -1],
    ['slowCallRatio', 0],
    ['openMs', 0],
    ['maxOpenMs', 3_600_001],
    ['halfOpenProbes', 0],
    ['halfOpenProbes', 1.5],
  ])('refuses %s: %j, by its name', (name, value) => {
    expect(() => new CircuitBreaker('payments', { [name]: value })).toThrow(name);
  });

  it('refuses to be open for longer than its longest, and names both', () => {
    expect(() => connect({ openMs: 5_000, maxOpenMs: 4_000 })).toThrow(
      'openMs (5000) must not exceed maxOpenMs (4000)',
    );
  });

  it('refuses an option that it does not know', () => {
    expect(() => connect({ timeout: 5 } as CircuitBreakerOptions)).toThrow('timeout');
  });

  it('does what a plain model of it does, whatever happens', () => {
    const outcome = fc.constantFrom<CircuitOutcome>('success', 'failure', 'failure', 'neutral');
    const command = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('acquire' as const) }) },
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('record' as const),
          which: fc.nat(5),
          outcome,
          durationMs: fc.constantFrom(0, 100, 101),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(1, 300, 1_000, 5_000) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constantFrom('forceOpen' as const, 'forceClosed' as const, 'reset' as const) }),
      },
    );
    const reached = new Set<string>();
    fc.assert(
      fc.property(fc.array(command, { maxLength: 120, size: 'max' }), (history) => {
        const tested = new CircuitBreaker('payments', options);
        const model = new Model();
        const admitted: { permit: CircuitPermit; modelPermit: number }[] = [];
        for (const each of history) {
          if (each.kind === 'acquire') {
            const modelPermit = model.acquire(performance.now());
            const permit = tryAcquire(tested);
            expect(permit !== undefined).toBe(modelPermit !== undefined);
            if (permit !== undefined) admitted.push({ permit, modelPermit: modelPermit! });
          } else if (each.kind === 'record') {
            const [ended] = admitted.splice(each.which % Math.max(1, admitted.length), 1);
            if (!ended) continue;
            tested.record(ended.permit, each.outcome, each.durationMs);
            model.record(ended.modelPermit, each.outcome, each.durationMs, performance.now());
          } else if (each.kind === 'advance') jest.advanceTimersByTime(each.ms);
          else {
            tested[each.kind]();
            model.force(each.kind);
          }
          expect(tested.state.kind).toBe(model.state);
          expect(tested.counts).toEqual(model.counts(performance.now()));
          reached.add(model.state);
        }
      }),
      { numRuns: 500 },
    );
    expect([...reached].sort()).toEqual(['closed', 'forced-closed', 'forced-open', 'half-open', 'open']);
  });
});

function tryAcquire(breaker: CircuitBreaker): CircuitPermit | undefined {
  try {
    return breaker.acquire();
  } catch (error) {
    expect(isResilienceError(error, 'circuit_open')).toBe(true);
    return undefined;
  }
}

/** The breaker as one would tell it: every call and every result remembered, nothing clever. */
class Model {
  state: CircuitState['kind'] = 'closed';
  private era = 0;
  private results: { at: number; failed: boolean; slow: boolean }[] = [];
  private until = 0;
  private openings = 0;
  private probes: ('under way' | 'succeeded')[] = [];

  acquire(now: number): number | undefined {
    if (this.state === 'open' && now >= this.until) this.become('half-open');
    if (this.state === 'open' || this.state === 'forced-open') return undefined;
    if (this.state === 'half-open') {
      if (this.probes.length === options.halfOpenProbes) return undefined;
      this.probes.push('under way');
    }
    return this.era;
  }

  record(era: number, outcome: CircuitOutcome, durationMs: number, now: number): void {
    if (era !== this.era) return;
    const failed = outcome === 'failure';
    const slow = durationMs > options.slowCallMs;
    if (this.state === 'closed' && outcome !== 'neutral') {
      this.results.push({ at: now, failed, slow });
      const counts = this.counts(now);
      const enough = counts.calls >= options.minimumThroughput;
      const tooMany =
        counts.failures / counts.calls >= options.failureRatio || counts.slow / counts.calls >= options.slowCallRatio;
      if (enough && tooMany) this.open(now, 0);
    } else if (this.state === 'half-open') {
      this.probes.splice(this.probes.indexOf('under way'), 1);
      if (outcome === 'neutral') return;
      this.results.push({ at: now, failed, slow });
      if (failed || slow) this.open(now, this.openings + 1);
      else this.probes.push('succeeded');
      if (this.probes.filter((probe) => probe === 'succeeded').length === options.halfOpenProbes) this.become('closed');
    }
  }

  force(command: 'forceOpen' | 'forceClosed' | 'reset'): void {
    this.become(command === 'reset' ? 'closed' : command === 'forceOpen' ? 'forced-open' : 'forced-closed');
  }

  counts(now: number) {
    const bucketOf = (at: number) => Math.floor(at / (options.windowMs / 10));
    const counted = this.results.filter(({ at }) => bucketOf(at) > bucketOf(now) - 10);
    return {
      calls: counted.length,
      failures: counted.filter(({ failed }) => failed).length,
      slow: counted.filter(({ slow }) => slow).length,
    };
  }

  private open(now: number, openings: number): void {
    this.become('open');
    this.openings = openings;
    this.until = now + Math.min(options.maxOpenMs, options.openMs * 2 ** openings);
  }

  private become(state: CircuitState['kind']): void {
    this.state = state;
    this.era += 1;
    this.results = [];
    this.probes = [];
  }
}
