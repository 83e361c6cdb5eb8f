import { join } from 'node:path';
import { ask, end, start } from './harness/children.js';
import { onServerCore } from './harness/cores.js';
import { spread } from './harness/statistics.js';
import { policies } from './policies.js';

const worker = join(import.meta.dirname, 'harness', 'policies.process.js');

/** What the policies cost around work that does nothing, in turns. The first is the bare await, which is taken off the others. */
export async function measureResilience({ settings, progress }) {
  const child = start(onServerCore(['--expose-gc', worker]), { ipc: true });
  const of = (what, index, more) => ask(child, { what, index, ...more });
  const measured = policies.map(() => ({ call: [], rejection: [] }));
  try {
    for (let round = -1; round < settings.policyRounds; round += 1) {
      progress(round < 0 ? 'policies, warming up' : `policies, round ${round + 1} of ${settings.policyRounds}`);
      const calls = settings.policyCalls;
      for (const [index, { call, rejection }] of measured.entries()) {
        const times = [await of('call', index, { calls }), index > 0 ? await of('rejection', index, { calls }) : 0];
        if (round < 0) continue;
        call.push(times[0]);
        rejection.push(times[1]);
      }
    }
    const rows = [];
    for (const [index, { name, title }] of policies.entries()) {
      const bare = measured[0].call;
      rows.push({
        name,
        title,
        ns: spread(measured[index].call.map((ns, round) => (index > 0 ? ns - bare[round] : ns))),
        rejectionNs: spread(measured[index].rejection),
        ...(await of('instance', index, { count: 1_000 })),
        inFlightTimers: await of('inFlight', index, { calls: 10_000 }),
        events: await of('events', index),
      });
    }
    return rows;
  } finally {
    await end(child);
  }
}
