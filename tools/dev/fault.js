import './node-version.js';
import './env-file.js';
import { parseArgs } from 'node:util';
import { loadApps, portOffset } from './apps.js';
import { Failure, main } from './failure.js';

const usage = `pnpm fault                                          what is done to which service
pnpm fault <service> --latency 2s [--spread 500ms]  answers come later
pnpm fault <service> --status 503 | --reset | --hang
pnpm fault <service> --block 3s                     its event loop stands still
pnpm fault <service> --freeze <worker>              a worker of it stands still
pnpm fault [<service>] --clear

  --for 60s                 how long, 60 s where nothing is said
  --share 0.3               how many of the requests, all where nothing is said
  --route 'POST /payments'  one route of the service
  --client payments         calls of the service to another one, instead of requests to it`;

await main(async () => {
  const { service, wish } = readArguments();
  const apps = await loadApps(portOffset());
  const chosen = apps.filter(({ name }) => service === undefined || name === service);
  if (chosen.length === 0)
    throw new Failure(`There is no service ${service}; there is ${apps.map(({ name }) => name).join(', ')}.`);
  for (const app of chosen) print(app, await ask(app, wish));
});

function readArguments() {
  const string = { type: 'string' };
  const boolean = { type: 'boolean' };
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        latency: string,
        spread: string,
        status: string,
        reset: boolean,
        hang: boolean,
        block: string,
        freeze: string,
        for: string,
        share: string,
        route: string,
        client: string,
        clear: boolean,
      },
    });
  } catch (error) {
    throw new Failure(`${error.message}\n\n${usage}`);
  }
  const { values, positionals } = parsed;
  const [service] = positionals;
  const { clear, latency, spread, status, reset, hang, block, freeze, for: lasting, share, ...where } = values;
  const kinds = Object.entries({ latency, status, reset, hang, block, freeze }).flatMap(([kind, on]) =>
    on === undefined ? [] : [kind],
  );
  if (positionals.length > 1 || kinds.length > 1 || (clear && kinds.length > 0)) throw new Failure(usage);
  if (clear) return { service, wish: { method: 'DELETE', body: {} } };
  const [kind] = kinds;
  if (kind === undefined) {
    if (Object.keys(values).length > 0) throw new Failure(usage);
    return { service, wish: { method: 'GET' } };
  }
  if (service === undefined) throw new Failure(`Which service?\n\n${usage}`);
  const body = {
    kind,
    latencyMs: milliseconds(latency),
    spreadMs: milliseconds(spread),
    status: number(status),
    blockMs: milliseconds(block),
    worker: freeze,
    forMs: milliseconds(lasting),
    share: number(share),
    ...where,
  };
  return { service, wish: { method: 'POST', body } };
}

function number(text) {
  if (text === undefined) return undefined;
  if (text !== '' && Number.isFinite(Number(text))) return Number(text);
  throw new Failure(`${text} is no number.`);
}

function milliseconds(text) {
  if (text === undefined) return undefined;
  const [, count, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? [];
  if (!unit) throw new Failure(`${text} is no duration: write 500ms, 2s or 1m.`);
  return Math.round(Number(count) * { ms: 1, s: 1_000, m: 60_000 }[unit]);
}

async function ask({ name, admin }, { method, body }) {
  const headers = { 'content-type': 'application/json' };
  if (process.env.ADMIN_TOKEN) headers.authorization = `Bearer ${process.env.ADMIN_TOKEN}`;
  const response = await fetch(`${admin}/faults`, {
    method,
    headers: body && headers,
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(5_000),
  }).catch(() => {
    throw new Failure(`${name} does not answer at ${admin}. Is it running?`);
  });
  const answer = await response.json();
  if (response.ok) return answer;
  if (response.status === 404)
    throw new Failure(`Faults are switched off in ${name}. Start it with FAULTS_ENABLED=true.`);
  const reasons = answer.errors?.map(({ path, message }) => `  ${path}: ${message}`) ?? [];
  throw new Failure([`${name} refuses: ${answer.detail}`, ...reasons].join('\n'));
}

function print({ name }, faults) {
  if (faults.length === 0) console.log(`${name}: nothing`);
  for (const { fault, until } of faults) {
    const { kind, forMs, ...what } = fault;
    const details = Object.entries(what).map(([key, value]) => `${key} ${value}`);
    console.log(`${name}: ${[kind, ...details].join(', ')}, until ${until}`);
  }
}
