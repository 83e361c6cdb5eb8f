import { createHook } from 'node:async_hooks';
import { policies } from '../policies.js';

const work = async () => 42;
const instances = policies.map(({ create }) => create(work));
const refusing = policies.map(({ create }) => {
  const instance = create(work);
  instance.refuse?.();
  return instance.refuse && instance;
});

/** What `pnpm bench resilience` asks of this process, which has a core to itself. */
const measure = {
  /** Nanoseconds of a call, one after the other. */
  call: async ({ index, calls }) => {
    const { call } = instances[index];
    const startedAt = process.hrtime.bigint();
    for (let n = 0; n < calls; n += 1) await call();
    return Number(process.hrtime.bigint() - startedAt) / calls;
  },

  /** Nanoseconds of a call that is refused, with its error. */
  rejection: async ({ index, calls }) => {
    const { call } = refusing[index];
    let refused = 0;
    const startedAt = process.hrtime.bigint();
    for (let n = 0; n < calls; n += 1) {
      try {
        await call();
      } catch {
        refused += 1;
      }
    }
    const ns = Number(process.hrtime.bigint() - startedAt) / calls;
    if (refused !== calls) throw new Error(`${policies[index].name} let ${calls - refused} calls through`);
    return ns;
  },

  /** Bytes of the heap, and timers, that an instance holds. */
  instance: async ({ index, count }) => {
    const { create, breaker } = policies[index];
    const kept = [];
    const made = await countTimers(() => kept.push(...Array.from({ length: count }, () => create(work))));
    return {
      bytes: bytesOf(count, () => create(work)),
      breakerBytes: breaker && bytesOf(count, breaker),
      timers: made / count,
    };
  },

  /** Timers while so many calls are under way. */
  inFlight: async ({ index, calls }) => {
    const { promise, resolve } = Promise.withResolvers();
    const instance = policies[index].create(() => promise);
    let under;
    const count = await countTimers(() => {
      under = Array.from({ length: calls }, () => instance.call());
    });
    resolve();
    await Promise.all(under);
    return count;
  },

  /** Whether events came, so that nobody is fast because nobody listens. */
  events: ({ index }) => instances[index].events?.() ?? 0,
};

/** Timers made and not yet gone while `run` runs: those that keep no process alive too. */
async function countTimers(run) {
  const alive = new Set();
  const hook = createHook({
    init: (id, type) => type === 'Timeout' && alive.add(id),
    destroy: (id) => alive.delete(id),
  }).enable();
  await run();
  await new Promise((next) => setImmediate(next));
  hook.disable();
  return alive.size;
}

function bytesOf(count, create) {
  const before = heap();
  const kept = Array.from({ length: count }, create);
  return (heap() - before) / kept.length;
}

function heap() {
  for (let n = 0; n < 4; n += 1) globalThis.gc();
  return process.memoryUsage().heapUsed;
}

process.on('message', async ({ what, ...settings }) => process.send(await measure[what](settings)));
process.on('disconnect', () => process.exit());
