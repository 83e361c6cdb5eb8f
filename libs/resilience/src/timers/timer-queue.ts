interface Entry {
  dueAt: number;
  /** Place in the heap; -1 when it is no longer there. */
  index: number;
  fire: () => void;
}

export type TimerHandle = Readonly<Pick<Entry, 'dueAt'>>;

/**
 * Many timeouts on one timer: a binary heap by due time, and one `setTimeout` for its top.
 *
 * Timeouts are almost always cancelled, and mostly pushed in the order in which they are due, so both cost next to nothing.
 * Times are those of `performance.now()`. The timer keeps no process alive.
 */
export class TimerQueue {
  private readonly heap: Entry[] = [];
  private timer: NodeJS.Timeout | undefined;
  private armedFor = Infinity;

  get size(): number {
    return this.heap.length;
  }

  /** Calls `fire` at `dueAt`, once, unless it is cancelled before. */
  add(dueAt: number, fire: () => void): TimerHandle {
    const entry: Entry = { dueAt, index: this.heap.length, fire };
    this.heap.push(entry);
    this.up(entry);
    if (dueAt < this.armedFor) this.arm();
    return entry;
  }

  cancel(handle: TimerHandle): void {
    this.remove(handle as Entry);
    if (this.heap.length === 0) this.disarm();
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
    if (!top || top.dueAt >= this.armedFor) return;
    this.disarm();
    this.armedFor = top.dueAt;
    this.timer = setTimeout(this.tick, Math.max(0, Math.ceil(top.dueAt - performance.now())));
    this.timer.unref();
  }

  private disarm(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.armedFor = Infinity;
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
