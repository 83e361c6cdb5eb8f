import { balancers } from '../balancers.js';

const updatesPerSecond = 100;
const slice = 1_000;
const endpoints = Array.from({ length: 1_000 }, (_, n) => ({ host: `10.0.${n >> 8}.${n & 255}`, port: 80 }));
const instances = balancers.map(({ create }) => {
  const balancer = create();
  balancer.update(endpoints);
  return balancer;
});

/** A list as a source gives it: every endpoint a new object, and one of them replaced. */
let replaced = 0;
function nextList() {
  replaced += 1;
  const changed = replaced % endpoints.length;
  return endpoints.map((endpoint, n) =>
    n === changed ? { ...endpoint, port: 1_024 + (replaced % 60_000) } : { ...endpoint },
  );
}

function pickAndRecord(balancer, picks) {
  for (let n = 0; n < picks; n += 1) balancer.record(balancer.pick(), 'success', 5);
}

function nsOf(picks, run) {
  const startedAt = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - startedAt) / picks;
}

/** Picks in slices, as calls come, for so long: how many a second, and how long somebody waited for the slowest slice and what came before it. */
async function pace(balancer, ms) {
  const startedAt = performance.now();
  let picks = 0;
  let longestMs = 0;
  for (let last = startedAt; last - startedAt < ms; ) {
    await new Promise((next) => setImmediate(next));
    pickAndRecord(balancer, slice);
    picks += slice;
    const now = performance.now();
    longestMs = Math.max(longestMs, now - last);
    last = now;
  }
  return { perMs: picks / (performance.now() - startedAt), longestMs };
}

/** What `pnpm bench discovery` asks of this process, which has a core to itself. */
const measure = {
  /** Nanoseconds of a pick alone; the calls go on for ever, so that the picks can be told from their ends. */
  pick: ({ index, picks }) => {
    const balancer = instances[index];
    const picked = Array.from({ length: picks });
    const ns = nsOf(picks, () => {
      for (let n = 0; n < picks; n += 1) picked[n] = balancer.pick();
    });
    for (const each of picked) balancer.record(each, 'success', 5);
    return ns;
  },

  /** Nanoseconds of a pick with the record of how its call went. */
  recorded: ({ index, picks }) => nsOf(picks, () => pickAndRecord(instances[index], picks)),

  /** Bytes that a pick and its record allocate: of so few that none are collected meanwhile. */
  bytes: ({ index }) => {
    const picks = 10 * slice;
    globalThis.gc();
    const before = process.memoryUsage().heapUsed;
    pickAndRecord(instances[index], picks);
    return (process.memoryUsage().heapUsed - before) / picks;
  },

  /** The pace beside updates, of that without. */
  updates: async ({ index, ms }) => {
    const balancer = instances[index];
    const alone = await pace(balancer, ms);
    const updates = setInterval(() => balancer.update(nextList()), 1_000 / updatesPerSecond);
    const beside = await pace(balancer, ms);
    clearInterval(updates);
    return { ratio: beside.perMs / alone.perMs, longestMs: beside.longestMs };
  },
};

process.on('message', async ({ what, ...settings }) => process.send(await measure[what](settings)));
process.on('disconnect', () => process.exit());
