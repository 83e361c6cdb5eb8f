import type { ResilienceEvents } from '../events/resilience.events.js';
import { type LoadLimitOptions, loadLimitOptions, type ResolvedLoadLimitOptions } from './load-limit.options.js';

/** What is shed last, and first. */
export type Priority = 'high' | 'normal' | 'low';

/** What was short: places for requests in flight, or the event loop's time. */
export type ShedReason = 'concurrency' | 'event_loop';

/** Part of the limit that each may fill. What is kept back for the others frees up faster than they take it. */
const roomOf: Readonly<Record<Priority, number>> = { high: 1, normal: 0.8, low: 0.5 };
/** How much more often than usual requests each is admitted while the event loop is late. */
const weightOf: Readonly<Record<Priority, number>> = { high: 3, normal: 1, low: 1 / 3 };

const firstLimit = 100;
const leastShare = 0.05;
/** So many turns in a row the event loop must be late before anything is refused for it. */
const lateLong = 5;
/** Without a refusal for so many turns, five seconds, the shedding is over. */
const calmTurns = 50;

/** How often {@link LoadLimit.turn} is to be called. */
export const turnMs = 100;

/**
 * Limits the requests that a service has in flight to what it can do in time, and refuses the rest at once: a refusal costs little, a
 * request that is answered too late all that it costs and is of use to nobody.
 *
 * Both what it knows of are steered as TCP steers its window, by additive increase and multiplicative decrease: the limit by how long
 * requests take, and the share that is admitted by how late the event loop is, because what waits for the loop is not in flight yet.
 * The limit falls only while it is in use, so that a slow service behind this one does not close it.
 * @see https://www.rfc-editor.org/rfc/rfc5681#section-3.1
 * @see https://netflixtechblog.medium.com/performance-under-load-3e6fa9a60581
 * @see https://sre.google/sre-book/handling-overload/ for priorities
 */
export class LoadLimit {
  readonly options: ResolvedLoadLimitOptions;
  private allowed: number;
  private admitted = 1;
  private underway = 0;
  private peak = 0;
  private lateTurns = 0;
  private changedAt = 0;
  private latencySumMs = 0;
  private samples = 0;
  private asked = 0;
  private refusals = 0;
  private calmFor = calmTurns;

  /** @throws ZodError naming every option that is out of range */
  constructor(
    options: LoadLimitOptions = {},
    private readonly events?: ResilienceEvents,
  ) {
    this.options = loadLimitOptions.parse(options);
    const { minLimit, maxLimit } = this.options;
    this.allowed = Math.min(maxLimit, Math.max(minLimit, firstLimit));
  }

  /** Requests that may be in flight at the moment. */
  get limit(): number {
    return Math.floor(this.allowed);
  }

  /** Share of requests that the event loop has time for, above 0 and up to 1. */
  get share(): number {
    return this.admitted;
  }

  get inFlight(): number {
    return this.underway;
  }

  /** Why a request should not even be read, if it should not. */
  refuses(priority: Priority): ShedReason | undefined {
    this.asked += 1;
    const late = this.admitted < 1 && Math.random() >= this.admitted * weightOf[priority];
    return late
      ? this.shed(priority, 'event_loop')
      : this.isFull(priority)
        ? this.shed(priority, 'concurrency')
        : undefined;
  }

  /** Takes a place, which must be given back with {@link leave}, or tells why there is none. */
  enter(priority: Priority): ShedReason | undefined {
    if (this.isFull(priority)) return this.shed(priority, 'concurrency');
    this.underway += 1;
    if (this.underway > this.peak) this.peak = this.underway;
    return undefined;
  }

  /** Gives the place back. Times are those of `performance.now()`. */
  leave(startedAt: number, now: number): void {
    this.underway -= 1;
    // What began under another limit says nothing of this one.
    if (startedAt < this.changedAt) return;
    this.latencySumMs += now - startedAt;
    this.samples += 1;
  }

  /** To be called every {@link turnMs}. @param lateMs how much later than it was due: so late is the event loop */
  turn(lateMs: number, now: number): void {
    this.steerShare(lateMs);
    this.steerLimit(now);
    this.peak = this.underway;
    if (this.calmFor < calmTurns && ++this.calmFor === calmTurns) {
      this.tell(false);
      this.refusals = 0;
    }
  }

  private isFull(priority: Priority): boolean {
    return this.underway >= Math.max(1, this.limit * roomOf[priority]);
  }

  private shed(priority: Priority, reason: ShedReason): ShedReason {
    this.refusals += 1;
    this.events?.emit({ type: 'shed', priority, reason });
    if (this.calmFor >= calmTurns) this.tell(true);
    this.calmFor = 0;
    return reason;
  }

  private tell(active: boolean): void {
    this.events?.emit({ type: 'shedding', active, limit: this.limit, refusals: this.refusals });
  }

  /** Late with a queue of requests, and for a while: a long task, or many new connections, are made no shorter by refusing requests. */
  private steerShare(lateMs: number): void {
    const late = lateMs > this.options.loopDelayMs && this.asked >= this.options.minLimit;
    this.asked = 0;
    this.lateTurns = late ? this.lateTurns + 1 : 0;
    if (this.lateTurns >= lateLong) this.admitted = Math.max(leastShare, this.admitted * 0.8);
    else if (!late) this.admitted = Math.min(1, this.admitted + 0.05);
  }

  private steerLimit(now: number): void {
    const { minLimit, maxLimit, latencyMs } = this.options;
    const inUse = this.peak >= this.allowed / 2;
    if (inUse && this.samples > 0) {
      const meanMs = this.latencySumMs / this.samples;
      if (meanMs > latencyMs) {
        this.allowed = Math.max(minLimit, this.allowed * Math.max(0.5, latencyMs / meanMs));
        this.changedAt = now;
      } else {
        this.allowed = Math.min(maxLimit, this.allowed + 1);
      }
    }
    this.latencySumMs = 0;
    this.samples = 0;
  }
}
