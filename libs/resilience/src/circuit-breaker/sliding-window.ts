const buckets = 10;

/** Counts of the last `windowMs`, in a ring of ten buckets: what counts goes back between nine and ten tenths of the window. */
export class SlidingWindow {
  calls = 0;
  failures = 0;
  slow = 0;

  private readonly ring = new Uint32Array(buckets * 3);
  private readonly bucketMs: number;
  private current: number;

  constructor(windowMs: number, now: number) {
    this.bucketMs = windowMs / buckets;
    this.current = this.bucketAt(now);
  }

  add(now: number, failed: boolean, slow: boolean): void {
    this.advance(now);
    const at = (this.current % buckets) * 3;
    this.ring[at]! += 1;
    this.calls += 1;
    if (failed) {
      this.ring[at + 1]! += 1;
      this.failures += 1;
    }
    if (slow) {
      this.ring[at + 2]! += 1;
      this.slow += 1;
    }
  }

  /** Forgets what has become too old. */
  advance(now: number): void {
    const target = this.bucketAt(now);
    if (target - this.current >= buckets) this.clear();
    else for (let bucket = this.current + 1; bucket <= target; bucket++) this.forget((bucket % buckets) * 3);
    if (target > this.current) this.current = target;
  }

  clear(): void {
    this.ring.fill(0);
    this.calls = 0;
    this.failures = 0;
    this.slow = 0;
  }

  private bucketAt(now: number): number {
    return Math.floor(now / this.bucketMs);
  }

  private forget(at: number): void {
    this.calls -= this.ring[at]!;
    this.failures -= this.ring[at + 1]!;
    this.slow -= this.ring[at + 2]!;
    this.ring.fill(0, at, at + 3);
  }
}
