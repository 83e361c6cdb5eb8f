import { clients } from '../clients.js';

const [, , name, baseUrl] = process.argv;
const call = clients.find((client) => client.name === name).create(baseUrl);

/** Calls for so long, that many at once. */
async function burst({ concurrency, seconds }) {
  let calls = 0;
  let failed = 0;
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const until = startedAt + seconds * 1_000;
  const caller = async () => {
    while (performance.now() < until) {
      try {
        const { status } = await call();
        if (status !== 'authorised') failed += 1;
      } catch {
        failed += 1;
      }
      calls += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    calls,
    failed,
    perSecond: (calls * 1_000) / (performance.now() - startedAt),
    cpuPerCall: (user + system) / calls,
  };
}

process.on('message', async (settings) => process.send(await burst(settings)));
process.on('disconnect', () => process.exit());
