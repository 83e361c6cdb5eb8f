import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { routes } from './contestants.js';
import { ContestantProcess } from './harness/contestant.process.js';
import { spread } from './harness/statistics.js';

/** How long each contestant takes from its start to its first answer, and what memory it holds afterwards, idle. In turns. */
export async function measureStart(stage, contestants, { settings, progress }) {
  const runs = contestants.map(() => []);
  for (let round = 0; round < settings.startRounds; round += 1) {
    progress(`start, round ${round + 1} of ${settings.startRounds}`);
    for (const [index, contestant] of contestants.entries()) {
      const server = await ContestantProcess.start(contestant, {
        env: stage.env(contestant),
        path: routes.order.path,
        probed: false,
      });
      await sleep(settings.idleMs);
      runs[index].push({ ms: server.startMs, megabytes: residentMegabytes(server.pid) });
      await server.stop();
    }
  }
  return contestants.map(({ name, title }, index) => ({
    name,
    title,
    ms: spread(runs[index].map(({ ms }) => ms)),
    ratio: spread(runs[index].map(({ ms }, round) => ms / runs[0][round].ms)),
    megabytes: spread(runs[index].map(({ megabytes }) => megabytes)),
  }));
}

function residentMegabytes(pid) {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;
}
