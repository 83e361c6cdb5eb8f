/** Calls and failures of the last ten to twenty seconds: those of this span of ten seconds, and of the one before. */
export class Outcomes {
  private span = 0;
  private calls = 0;
  private failures = 0;
  private callsBefore = 0;
  private failuresBefore = 0;

  add(failed: boolean, now: number): void {
    this.turn(now);
    this.calls += 1;
    if (failed) this.failures += 1;
  }

  at(now: number): { calls: number; failures: number } {
    this.turn(now);
    return { calls: this.calls + this.callsBefore, failures: this.failures + this.failuresBefore };
  }

  clear(): void {
    this.calls = this.failures = this.callsBefore = this.failuresBefore = 0;
  }

  private turn(now: number): void {
    const span = Math.floor(now / spanMs);
    if (span === this.span) return;
    const next = span === this.span + 1;
    this.callsBefore = next ? this.calls : 0;
    this.failuresBefore = next ? this.failures : 0;
    this.calls = this.failures = 0;
    this.span = span;
  }
}

const spanMs = 10_000;
