import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { judge } from './bars.js';
import { contestants, routes } from './contestants.js';
import { unheard, wrongCalls, wrongCounts } from './counts.js';
import { report } from './report.js';

const usage = `pnpm bench [inbound|outbound|resilience|discovery|start] [--quick] [--json] [--only <contestant,...>] [--route <route,...>]

  inbound      requests/s and CPU time of each contestant against the bare one
  outbound     calls/s of each HTTP client against bare axios
  resilience   what the policies cost around work that does nothing
  discovery    what it costs to choose one of a thousand endpoints
  start        time to the first answer, and idle memory
  --quick      a look, in under a minute
  --only       of inbound and start: ${contestants.map(({ name }) => name).join(', ')}
  --route      of inbound: ${Object.keys(routes).join(', ')}`;

const full = {
  rounds: 3,
  pairs: 5,
  burstSeconds: 1,
  restMs: 200,
  warmUpSeconds: 4,
  startRounds: 7,
  idleMs: 3_000,
  policyRounds: 15,
  policyCalls: 50_000,
  pickRounds: 9,
  picks: 500_000,
  updatesMs: 1_000,
};
const quick = {
  quick: true,
  rounds: 1,
  pairs: 2,
  burstSeconds: 0.2,
  restMs: 50,
  warmUpSeconds: 0.5,
  startRounds: 1,
  idleMs: 300,
  policyRounds: 3,
  policyCalls: 10_000,
  pickRounds: 1,
  picks: 50_000,
  updatesMs: 200,
};
const allParts = ['inbound', 'outbound', 'resilience', 'discovery', 'start'];
const limitMs = { full: 40 * 60_000, quick: 3 * 60_000 };
const startsMeasured = ['bare', 'ours', 'usual-fastify', 'usual-express'];

const wish = readArguments();
if (!wish) {
  console.error(usage);
  process.exit(2);
}
build();
const result = await measure(wish);
console.log(wish.json ? JSON.stringify(result, null, 2) : `\n${report(result)}`);
process.exitCode = result.wrong.length > 0 ? 1 : 0;

function readArguments() {
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean' },
        json: { type: 'boolean' },
        only: { type: 'string' },
        route: { type: 'string' },
      },
    });
    const only = values.only?.split(',') ?? contestants.map(({ name }) => name);
    const chosenRoutes = values.route?.split(',') ?? Object.keys(routes);
    const parts = positionals.length > 0 ? positionals : allParts;
    const known =
      parts.every((part) => allParts.includes(part)) &&
      only.every((name) => contestants.some((contestant) => contestant.name === name)) &&
      chosenRoutes.every((route) => route in routes);
    return known ? { ...values, parts, only: ['bare', 'control', ...only], chosenRoutes } : undefined;
  } catch {
    return undefined;
  }
}

function build() {
  const root = join(import.meta.dirname, '..');
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-b', join(import.meta.dirname, 'tsconfig.build.json')], { stdio: 'inherit' });
}

async function measure({ parts, only, chosenRoutes, ...values }) {
  const settings = { connections: 50, ...(values.quick ? quick : full) };
  const progress = (what) => process.stderr.write(`· ${what}\n`);
  const chosen = contestants
    .filter(({ name }) => only.includes(name))
    .map(({ quickRoutes, ...contestant }) => ({
      ...contestant,
      routes: ((values.quick && quickRoutes) || contestant.routes).filter((route) => chosenRoutes.includes(route)),
    }));
  const machine = await describeMachine();
  const stage = await openBoundedStage(values.quick ? limitMs.quick : limitMs.full);
  try {
    // These need the build, so they are not loaded before.
    const { measureInbound } = await import('./inbound.js');
    const { measureOutbound } = await import('./outbound.js');
    const { measureDiscovery } = await import('./discovery.js');
    const { measureResilience } = await import('./resilience.js');
    const { measureStart } = await import('./start.js');
    const starters = chosen.filter(({ name }) => startsMeasured.includes(name));
    const inbound = parts.includes('inbound') ? await measureInbound(stage, chosen, { settings, progress }) : {};
    const outbound = parts.includes('outbound') ? await measureOutbound(stage, { settings, progress }) : {};
    const policies = parts.includes('resilience') ? await measureResilience({ settings, progress }) : [];
    const balancers = parts.includes('discovery') ? await measureDiscovery({ settings, progress }) : [];
    const start = parts.includes('start') ? await measureStart(stage, starters, { settings, progress }) : [];
    return {
      machine,
      settings,
      inbound,
      outbound,
      policies,
      balancers,
      start,
      control: [
        ...Object.entries(inbound).map(([route, rows]) => verdict(route, rows)),
        ...Object.entries(outbound).map(([calls, rows]) => verdict(`${calls} calls at once`, rows)),
      ],
      bars: judge({ inbound, outbound, policies, balancers, start }),
      wrong: [
        ...Object.values(inbound).flatMap((rows) => rows.flatMap((row) => wrongCounts(row, settings.connections))),
        ...Object.values(outbound).flatMap((rows) => rows.flatMap(wrongCalls)),
        ...policies.flatMap(unheard),
      ],
    };
  } finally {
    await stage.close();
  }
}

/** The stage, closed at the latest when the benchmark is interrupted or takes too long. */
async function openBoundedStage(timeoutMs) {
  const { openStage } = await import('./harness/stage.js');
  const opening = openStage();
  const giveUp = async (reason) => {
    console.error(`\nstopped: ${reason}`);
    await opening.then((stage) => stage.close()).catch(() => undefined);
    process.exit(1);
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void giveUp(signal));
  setTimeout(giveUp, timeoutMs, `not done after ${timeoutMs / 60_000} minutes`).unref();
  return opening;
}

/** Whether a table says anything: the same against the same must give 1, and the load must have kept the bare one busy. */
function verdict(what, rows) {
  const [{ busy = 1 }, { ratio }] = rows;
  return { what, ratio, busy, conclusive: ratio.median >= 0.95 && ratio.median <= 1.05 && busy >= 0.85 };
}

async function describeMachine() {
  const { pinning } = await import('./harness/cores.js');
  const load = loadavg()[0].toFixed(1);
  return `${cpus()[0].model}, ${availableParallelism()} cores, Node ${process.version}, load ${load} before the run; ${pinning}`;
}
