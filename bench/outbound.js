import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clients } from './clients.js';
import { ask, end, start } from './harness/children.js';
import { onServerCore } from './harness/cores.js';
import { median, spread } from './harness/statistics.js';

const worker = join(import.meta.dirname, 'harness', 'client.process.js');

/**
 * Compares clients with bare axios, in strict adjacent pairs whose order flips, 50 calls at once and one at a time.
 * @returns for each number of calls at once the rows of its table
 */
export async function measureOutbound(stage, { settings, progress }) {
  const [bare, ...rivals] = clients;
  const tables = { 50: [], 1: [] };
  for (const rival of rivals.filter(({ quick }) => quick || !settings.quick)) {
    progress(rival.title);
    const processes = [bare, rival].map(({ name }) =>
      start(onServerCore([worker, name, stage.upstream]), { ipc: true }),
    );
    for (const [concurrency, rows] of Object.entries(tables)) {
      const measured = await measurePairs(processes, { concurrency: Number(concurrency), ...settings });
      if (rows.length === 0) rows.push(row(bare, measured[0], measured[0]));
      rows.push(row(rival, measured[1], measured[0]));
    }
    for (const child of processes) await end(child);
  }
  return tables;
}

async function measurePairs(processes, { concurrency, rounds, pairs, burstSeconds, restMs, warmUpSeconds }) {
  const bursts = processes.map(() => []);
  for (const child of processes) await ask(child, { concurrency, seconds: warmUpSeconds });
  for (let pair = 0; pair < rounds * pairs; pair += 1) {
    for (const turn of pair % 2 ? [1, 0] : [0, 1]) {
      bursts[turn].push(await ask(processes[turn], { concurrency, seconds: burstSeconds }));
      await sleep(restMs);
    }
  }
  return bursts;
}

function row({ name, title }, bursts, bare) {
  const pairedRatio = (key) => spread(bursts.map((burst, pair) => burst[key] / bare[pair][key]));
  return {
    name,
    title,
    perSecond: median(bursts.map(({ perSecond }) => perSecond)),
    ratio: pairedRatio('perSecond'),
    cpuPerCall: median(bursts.map(({ cpuPerCall }) => cpuPerCall)),
    calls: bursts.reduce((sum, { calls }) => sum + calls, 0),
    failed: bursts.reduce((sum, { failed }) => sum + failed, 0),
  };
}
