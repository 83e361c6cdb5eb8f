import { setTimeout as sleep } from 'node:timers/promises';
import { routes } from './contestants.js';
import { ContestantProcess } from './harness/contestant.process.js';
import { median, spread } from './harness/statistics.js';

/**
 * Compares contestants with the first one, route by route, in strict adjacent pairs whose order flips.
 * @returns for each route the rows of its table
 */
export async function measureInbound(stage, [bare, ...rivals], { settings, progress }) {
  const tables = Object.fromEntries(bare.routes.map((route) => [route, []]));
  const bareServer = await startWarm(stage, bare, settings);
  for (const rival of rivals.filter((one) => one.routes.length > 0)) {
    progress(rival.title);
    const server = await startWarm(stage, rival, settings);
    for (const route of rival.routes) {
      const [a, b] = await measurePairs(stage, [bareServer, server], route, settings);
      // The first contestant's own row comes from its pairs with the control.
      if (tables[route].length === 0) tables[route].push(row(bare, route, a, a));
      tables[route].push(row(rival, route, b, a));
    }
    await server.stop();
  }
  await bareServer.stop();
  return tables;
}

async function startWarm(stage, contestant, { warmUpSeconds, connections }) {
  const server = await ContestantProcess.start(contestant, { env: stage.env(contestant), path: routes.order.path });
  for (const route of contestant.routes) await stage.burst(server.url + routes[route].path, warmUpSeconds, connections);
  return server;
}

async function measurePairs(stage, servers, route, settings) {
  const spansOfAll = () => Promise.all(servers.map(({ contestant }) => stage.spansOf(contestant)));
  const before = await spansOfAll();
  for (const server of servers) server.takeLogLines();
  const bursts = [[], []];
  for (let pair = 0; pair < settings.pairs; pair += 1) {
    for (const turn of pair % 2 ? [1, 0] : [0, 1]) {
      bursts[turn].push(await burst(stage, servers[turn], routes[route].path, settings));
    }
  }
  const after = await spansOfAll();
  return bursts.map((own, turn) => ({ bursts: own, spans: after[turn] - before[turn] }));
}

/** One burst and the rest after it, in which spans are sent: that costs CPU time too. */
async function burst(stage, server, path, { burstSeconds, restMs, connections }) {
  const cpuBefore = await server.cpuTime();
  const { answered, failed, seconds } = await stage.burst(server.url + path, burstSeconds, connections);
  const cpuInBurst = (await server.cpuTime()) - cpuBefore;
  await sleep(restMs);
  const cpu = (await server.cpuTime()) - cpuBefore;
  return {
    answered,
    failed,
    perSecond: answered / seconds,
    cpuPerRequest: cpu / answered,
    busy: cpuInBurst / 1e6 / seconds,
    logLines: server.takeLogLines(),
  };
}

function row({ name, title, logged = 0, sampled = 0, spans = {} }, route, { bursts, spans: sent }, bare) {
  const total = (key) => bursts.reduce((sum, burst) => sum + burst[key], 0);
  const pairedRatio = (key) => spread(bursts.map((burst, pair) => burst[key] / bare.bursts[pair][key]));
  return {
    name,
    title,
    perSecond: median(bursts.map(({ perSecond }) => perSecond)),
    ratio: pairedRatio('perSecond'),
    cpuPerRequest: median(bursts.map(({ cpuPerRequest }) => cpuPerRequest)),
    cpuRatio: pairedRatio('cpuPerRequest'),
    busy: median(bursts.map(({ busy }) => busy)),
    answered: total('answered'),
    failed: total('failed'),
    logLines: total('logLines'),
    spans: sent,
    expected: { logged, sampled, spansPerTrace: spans[route] ?? 0 },
    bursts: bursts.length,
  };
}
