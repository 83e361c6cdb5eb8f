import { setTimeout as sleep } from 'node:timers/promises';
import { routes } from './contestants.js';
import { ContestantProcess } from './harness/contestant.process.js';
import { median, spread } from './harness/statistics.js';

/**
 * Compares contestants with the first one, route by route, in strict adjacent pairs whose order flips. Every round starts both afresh,
 * because one start of the same code differs from the next by several per cent.
 * @returns for each route the rows of its table
 */
export async function measureInbound(stage, [bare, ...rivals], { settings, progress }) {
  const tables = Object.fromEntries(bare.routes.map((route) => [route, []]));
  for (const rival of rivals.filter(({ routes }) => routes.length > 0)) {
    progress(rival.title);
    const runs = await measureRounds(stage, [bare, rival], settings);
    for (const [route, [a, b]] of Object.entries(runs)) {
      // The first contestant's own row comes from its pairs with the control.
      if (tables[route].length === 0) tables[route].push(row(bare, route, a, a));
      tables[route].push(row(rival, route, b, a));
    }
  }
  return tables;
}

/** What both did on each of the second one's routes. */
async function measureRounds(stage, both, settings) {
  const [, { routes: paths }] = both;
  const runs = Object.fromEntries(paths.map((route) => [route, both.map(() => ({ bursts: [], all: [], spans: 0 }))]));
  for (let round = 0; round < settings.rounds; round += 1) {
    const servers = [];
    for (const turn of turns(round)) servers[turn] = await startWarm(stage, both[turn], paths, settings);
    for (const route of paths) {
      const measured = await measurePairs(stage, servers, route, settings);
      for (const [turn, { bursts, all, spans }] of measured.entries()) {
        runs[route][turn].bursts.push(...bursts);
        runs[route][turn].all.push(...all);
        runs[route][turn].spans += spans;
      }
    }
    for (const server of servers) await server.stop();
  }
  return runs;
}

/** Who comes first: they take turns. */
const turns = (index) => (index % 2 ? [1, 0] : [0, 1]);

async function startWarm(stage, contestant, paths, { warmUpSeconds, connections }) {
  const server = await ContestantProcess.start(contestant, { env: stage.env(contestant), path: routes.order.path });
  for (const route of paths) await stage.burst(server.url + routes[route].path, warmUpSeconds, connections);
  return server;
}

/** Where other work took the core during a pair, another one is measured, up to three times as many. The quietest count. */
async function measurePairs(stage, servers, route, settings) {
  const spansOfAll = () => Promise.all(servers.map(({ contestant }) => stage.spansOf(contestant)));
  const before = await spansOfAll();
  for (const server of servers) server.takeLogLines();
  const pairs = [];
  while (pairs.filter(isQuiet).length < settings.pairs && pairs.length < 3 * settings.pairs) {
    const pair = [];
    for (const turn of turns(pairs.length)) {
      pair[turn] = await burst(stage, servers[turn], routes[route].path, settings);
    }
    pairs.push(pair);
  }
  const after = await spansOfAll();
  const kept = pairs.toSorted((a, b) => waitedIn(a) - waitedIn(b)).slice(0, settings.pairs);
  return servers.map((_, turn) => ({
    bursts: kept.map((pair) => pair[turn]),
    all: pairs.map((pair) => pair[turn]),
    spans: after[turn] - before[turn],
  }));
}

const waitedIn = (pair) => Math.max(...pair.map(({ waited }) => waited));
const isQuiet = (pair) => waitedIn(pair) < 0.05;

/** One burst and the rest after it, in which spans are sent: that costs CPU time too. */
async function burst(stage, server, path, { burstSeconds, restMs, connections }) {
  const cpuBefore = await server.cpuTime();
  const waitedBefore = server.waitedForCore();
  const { answered, failed, seconds } = await stage.burst(server.url + path, burstSeconds, connections);
  const waited = (server.waitedForCore() - waitedBefore) / 1_000 / seconds;
  const busy = ((await server.cpuTime()) - cpuBefore) / 1e6 / seconds;
  await sleep(restMs);
  const cpuPerRequest = ((await server.cpuTime()) - cpuBefore) / answered;
  const logLines = server.takeLogLines();
  return { answered, failed, perSecond: answered / seconds, cpuPerRequest, busy, waited, logLines };
}

function row({ name, title, logged = 0, sampled = 0, spans = {} }, route, { bursts, all, spans: sent }, bare) {
  const total = (key) => all.reduce((sum, burst) => sum + burst[key], 0);
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
    bursts: all.length,
    disturbed: bursts.filter((burst, pair) => !isQuiet([burst, bare.bursts[pair]])).length,
  };
}
