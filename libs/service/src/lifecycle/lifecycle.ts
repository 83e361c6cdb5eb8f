/** Where a service is in its life. It only moves on. */
export type Phase = 'starting' | 'serving' | 'stopping';

/** The service's phase, as its probes tell it. */
export class Lifecycle {
  private current: Phase = 'starting';

  get phase(): Phase {
    return this.current;
  }

  started(): void {
    if (this.current === 'starting') this.current = 'serving';
  }

  stopping(): void {
    this.current = 'stopping';
  }
}
