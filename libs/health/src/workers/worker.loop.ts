import { logger } from '@app/telemetry';
import { type Heartbeat, type HeartbeatOptions, heartbeats } from './heartbeats.js';

export interface WorkerLoopOptions extends HeartbeatOptions {
  /** Pause after a turn that left nothing to do, or failed. Shorter than `maxSilenceMs`. */
  pauseMs: number;
  /** One turn of work. Whether there is more to do at once. */
  turn(): Promise<boolean>;
  /** Hands back what a turn under way has taken, when the process cannot wait for its end. */
  release?(): Promise<void>;
}

const running = new Set<WorkerLoop>();

/** The workers of the process. */
export const workers = (): WorkerLoop[] => [...running];

/** A worker that takes turns until it is stopped. It beats after each of them, failed ones too; a long turn beats in between. */
export class WorkerLoop {
  private stopping = false;
  private endPause: () => void = () => undefined;
  private frozen: { ended: Promise<void>; thaw(): void } | undefined;
  private heartbeat?: Heartbeat;
  private ended: Promise<void> = Promise.resolve();
  private stopped?: Promise<boolean>;

  constructor(
    readonly name: string,
    private readonly options: WorkerLoopOptions,
  ) {}

  start(): void {
    this.heartbeat = heartbeats.register(this.name, this.options);
    running.add(this);
    this.ended = this.run();
  }

  beat(): void {
    this.heartbeat?.beat();
  }

  /** Takes no turn and gives no sign of life, for so long. For drills: a worker that is stuck. */
  freeze(forMs: number): void {
    this.thaw();
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => this.thaw(), forMs);
    const thaw = () => {
      clearTimeout(timer);
      resolve();
    };
    this.frozen = { ended, thaw };
  }

  thaw(): void {
    this.frozen?.thaw();
    this.frozen = undefined;
  }

  /**
   * Takes no further turn and waits for the one under way, for as long as `until` does not abort; then what it has taken is handed back.
   * @returns whether the turn has ended
   */
  stop(until?: AbortSignal): Promise<boolean> {
    this.stopped ??= this.end(until);
    return this.stopped;
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      if (this.frozen) await this.frozen.ended;
      const more = await this.options.turn().catch((error) => {
        logger.warn({ err: error, worker: this.name }, 'a turn of the worker failed');
        return false;
      });
      this.beat();
      if (!more && !this.stopping) await this.pause();
      this.beat();
    }
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.options.pauseMs);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async end(until?: AbortSignal): Promise<boolean> {
    this.stopping = true;
    this.thaw();
    this.endPause();
    const finished = await endsBefore(this.ended, until);
    if (!finished) await this.options.release?.();
    this.heartbeat?.end();
    running.delete(this);
    return finished;
  }
}

/** Stops the workers of the process. @returns the names of those whose turn did not end before `until` aborted */
export async function stopWorkers(until: AbortSignal): Promise<string[]> {
  const stopped = await Promise.all(
    [...running].map(async (worker) => ({ name: worker.name, finished: await worker.stop(until) })),
  );
  return stopped.filter(({ finished }) => !finished).map(({ name }) => name);
}

async function endsBefore(work: Promise<void>, until?: AbortSignal): Promise<boolean> {
  if (!until) return work.then(() => true);
  const over = Promise.withResolvers<boolean>();
  const late = () => over.resolve(false);
  until.addEventListener('abort', late);
  if (until.aborted) late();
  try {
    return await Promise.race([work.then(() => true), over.promise]);
  } finally {
    until.removeEventListener('abort', late);
  }
}
