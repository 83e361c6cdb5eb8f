/** How many seconds of allowance may be saved up. */
const burstSeconds = 10;

/**
 * A token bucket that keeps repetitions a small share of the calls, so that they can never become the outage.
 * Each call brings `ratio` tokens, each second `perSecond`; each repetition takes one.
 *
 * @see https://sre.google/sre-book/handling-overload/ "Deciding to Retry"
 */
export class RetryBudget {
  /** Tokens that can be saved up. */
  readonly cap: number;
  private tokens: number;
  private refilledAt = performance.now();

  constructor(
    private readonly ratio: number,
    private readonly perSecond: number,
  ) {
    this.cap = Math.max(1, perSecond * burstSeconds);
    this.tokens = ratio + perSecond > 0 ? this.cap : 0;
  }

  get level(): number {
    this.refill();
    return this.tokens;
  }

  call(): void {
    this.tokens = Math.min(this.cap, this.tokens + this.ratio);
  }

  /** Takes a token for one repetition; false when there is none. */
  take(): boolean {
    this.refill();
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  private refill(): void {
    const now = performance.now();
    this.tokens = Math.min(this.cap, this.tokens + ((now - this.refilledAt) / 1_000) * this.perSecond);
    this.refilledAt = now;
  }
}
