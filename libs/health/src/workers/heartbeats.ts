export interface HeartbeatOptions {
  /** After this long without a beat its worker counts as stuck, and the process as in need of a restart. Longer than any wait of the worker. */
  maxSilenceMs: number;
}

/** A worker's sign of life. */
export interface Heartbeat {
  /** Failed work is a sign of life too. */
  beat(): void;
  /** The worker has ended and is not missed. */
  end(): void;
}

interface Pulse extends HeartbeatOptions {
  lastAt: number;
}

/** The heartbeats of the workers of a process. */
export class Heartbeats {
  private readonly pulses = new Map<string, Pulse>();

  /** Registers a worker, with its first beat. A name that is registered already is taken over. */
  register(name: string, { maxSilenceMs }: HeartbeatOptions): Heartbeat {
    const pulse = { maxSilenceMs, lastAt: performance.now() };
    this.pulses.set(name, pulse);
    return {
      beat: () => {
        pulse.lastAt = performance.now();
      },
      end: () => {
        if (this.pulses.get(name) === pulse) this.pulses.delete(name);
      },
    };
  }

  /** Each worker by its name, and whether it has been silent for too long. */
  states(): { name: string; silent: boolean }[] {
    const now = performance.now();
    return [...this.pulses].map(([name, { lastAt, maxSilenceMs }]) => ({ name, silent: now - lastAt > maxSilenceMs }));
  }
}

/** The process' heartbeats. */
export const heartbeats = new Heartbeats();
