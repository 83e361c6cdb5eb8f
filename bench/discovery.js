import { join } from 'node:path';
import { balancers } from './balancers.js';
import { ask, end, start } from './harness/children.js';
import { onServerCore } from './harness/cores.js';
import { spread } from './harness/statistics.js';

const worker = join(import.meta.dirname, 'harness', 'balancers.process.js');

/** What it costs to choose one of a thousand endpoints, in turns, and what is left of that pace while their list changes a hundred times a second. */
export async function measureDiscovery({ settings, progress }) {
  const child = start(onServerCore(['--expose-gc', worker]), { ipc: true });
  const of = (what, index) => ask(child, { what, index, picks: settings.picks, ms: settings.updatesMs });
  const measured = balancers.map(() => ({ ns: [], recordedNs: [], bytes: [], ratio: [], longestMs: [] }));
  try {
    for (let round = -1; round < settings.pickRounds; round += 1) {
      progress(round < 0 ? 'balancers, warming up' : `balancers, round ${round + 1} of ${settings.pickRounds}`);
      for (const [index, row] of measured.entries()) {
        const pick = await of('pick', index);
        const recorded = await of('recorded', index);
        const bytes = await of('bytes', index);
        const updates = await of('updates', index);
        if (round < 0) continue;
        row.ns.push(pick);
        row.recordedNs.push(recorded);
        row.bytes.push(bytes);
        row.ratio.push(updates.ratio);
        row.longestMs.push(updates.longestMs);
      }
    }
    return balancers.map(({ name, title }, index) => {
      const spreads = Object.entries(measured[index]).map(([what, values]) => [what, spread(values)]);
      return { name, title, ...Object.fromEntries(spreads) };
    });
  } finally {
    await end(child);
  }
}
