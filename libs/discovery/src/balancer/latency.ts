/** Keeps the mean of what took no time at all from being 0 for ever. */
const leastMs = 0.01;

/**
 * How long an instance takes: a moving average that follows a peak at once and forgets it slowly, so that whoever was slow is asked
 * again before long, but not at once. Requests that have waited for longer than that count as well: who hangs has no average.
 *
 * @see https://twitter.github.io/finagle/guide/Clients.html#power-of-two-choices-p2c-peak-ewma
 */
export class Latency {
  inFlight = 0;
  /** The sum of the moments at which the requests in flight began. */
  private beganAt = 0;

  /** @param ms what is assumed before anything is known */
  constructor(
    private readonly decayMs: number,
    private ms: number,
    private observedAt: number,
  ) {}

  begin(now: number): void {
    this.inFlight += 1;
    this.beganAt += now;
  }

  /** @param trusted whether a short time speaks for the instance; that of a failure does not */
  end(durationMs: number, trusted: boolean, now: number): void {
    this.inFlight -= 1;
    this.beganAt = this.inFlight === 0 ? 0 : this.beganAt - (now - durationMs);
    const remembered = this.remembered(now);
    if (durationMs > remembered) this.ms = durationMs;
    else if (trusted) this.ms = this.blend(durationMs, this.kept(now));
    else return;
    this.observedAt = now;
  }

  at(now: number): number {
    const remembered = this.remembered(now);
    if (this.inFlight === 0) return remembered;
    const meanAge = now - this.beganAt / this.inFlight;
    return Math.max(meanAge, remembered);
  }

  /** A geometric mean, so that after a long silence one answer in time outweighs what was a hundred times as slow. */
  private blend(durationMs: number, kept: number): number {
    return (this.ms + leastMs) ** kept * (durationMs + leastMs) ** (1 - kept) - leastMs;
  }

  private remembered(now: number): number {
    return this.ms * this.kept(now);
  }

  private kept(now: number): number {
    return Math.exp((this.observedAt - now) / this.decayMs);
  }
}
