interface Entry {
  dueAt: number;
  /** Place in the heap; -1 when it is no longer there. */
  index: number;
  fire: () => void;
}

export type TimerHandle = Readonly<Pick<Entry, 'dueAt'>>;

/**
 * Many timeouts on one timer: a binary heap by due time, and one `setTimeout` for its top, or for one before it that was cancelled.
 *
 * Timeouts are almost always cancelled, and mostly pushed in the order in which they are due, so both cost next to nothing.
 * Times are those of `performance.now()`. The timer keeps no process alive.
 */
export class TimerQueue {
  private readonly heap: Entry[] = [];
  private timer: NodeJS.Timeout | undefined;
  private armedFor = Infinity;
  /** Who set the timer: a clock that was replaced meanwhile, as tests do, fires no more. */
  private clock = setTimeout;

  get size(): number {
    return this.heap.length;
  }

  /** Calls `fire` at `dueAt`, once, unless it is cancelled before. */
  add(dueAt: number, fire: () => void): TimerHandle {
    const entry: Entry = { dueAt, index: this.heap.length, fire };
    this.heap.push(entry);
    this.up(entry);
    if (dueAt < this.armedFor || this.clock !== setTimeout) this.arm();
    return entry;
  }

  /** The timer stays set, for whoever comes next: most come and go one after the other, and to set it costs more than all the rest. */
  cancel(handle: TimerHandle): void {
    this.remove(handle as Entry);
  }

  private readonly tick = (): void => {
    this.armedFor = Infinity;
    const now = performance.now();
    try {
      for (let top = this.heap[0]; top && top.dueAt <= now; top = this.heap[0]) {
        this.remove(top);
        top.fire();
      }
    } finally {
      this.arm();
    }
  };

  private arm(): void {
    const [top] = this.heap;
    const sameClock = this.clock === setTimeout;
    if (!top || (sameClock && top.dueAt >= this.armedFor)) return;
    if (sameClock) clearTimeout(this.timer);
    this.clock = setTimeout;
    this.armedFor = top.dueAt;
    this.timer = setTimeout(this.tick, Math.max(0, Math.ceil(top.dueAt - performance.now())));
    this.timer.unref();
  }

  private remove(entry: Entry): void {
    const { index } = entry;
    if (index < 0) return;
    entry.index = -1;
    const last = this.heap.pop() as Entry;
    if (last === entry) return;
    this.put(last, index);
    this.up(last);
    this.down(last);
  }

  private put(entry: Entry, index: number): void {
    this.heap[index] = entry;
    entry.index = index;
  }

  private up(entry: Entry): void {
    while (entry.index > 0) {
      const parentIndex = (entry.index - 1) >> 1;
      const parent = this.heap[parentIndex] as Entry;
      if (parent.dueAt <= entry.dueAt) return;
      this.put(parent, entry.index);
      this.put(entry, parentIndex);
    }
  }

  private down(entry: Entry): void {
    for (;;) {
      const left = this.heap[2 * entry.index + 1];
      const right = this.heap[2 * entry.index + 2];
      const child = right && left && right.dueAt < left.dueAt ? right : left;
      if (!child || child.dueAt >= entry.dueAt) return;
      const { index } = child;
      this.put(child, entry.index);
      this.put(entry, index);
    }
  }
}

/** The process' timeouts. */
export const timers = new TimerQueue();
