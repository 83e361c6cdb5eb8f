import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { requests } from './requests.js';

const usage = `Steady load on the shop, the same each time.

  --url      address of storefront, http://127.0.0.1:3000
  --rate     requests a second, 1 to 200, 20
  --seconds  how long, until Ctrl-C
  --seed     another sequence of requests, 1`;

const connections = 4;
/** A timer takes no more. */
const longestSeconds = 2_000_000;
const options = parse();

const endsAt = Date.now() + options.seconds * 1_000;
const seen = { since: Date.now(), statuses: {}, durations: [], failed: 0 };
void whenReachable();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, end);

function start() {
  const run = autocannon({
    url: options.url,
    connections,
    overallRate: options.rate,
    duration: Math.max(1, Math.ceil((endsAt - Date.now()) / 1_000)),
    timeout: 10,
    requests: requests(options.seed),
    // Latency as answers have it, not as a rate that cannot be kept would have it.
    ignoreCoordinatedOmission: true,
  });
  let refused = 0; // One after the other.
  run.on('response', (_client, status, _bytes, durationMs) => {
    refused = 0;
    seen.statuses[status] = (seen.statuses[status] ?? 0) + 1;
    seen.durations.push(durationMs);
  });
  run.on('reqError', () => {
    // It connects again at once, whatever the rate, and takes a moment to stop.
    if (++refused > connections) return run.stop();
    seen.failed += 1;
  });
  run.once('done', whenReachable);
}

async function whenReachable() {
  while (Date.now() < endsAt) {
    const answer = await fetch(options.url, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
    if (answer) return start();
    seen.failed += 1;
    await sleep(1_000);
  }
  end();
}

function end() {
  tell('\n');
  process.exit();
}

// One line that changes on a terminal; elsewhere one every ten seconds.
const everyMs = process.stdout.isTTY ? 1_000 : 10_000;
setInterval(() => tell(process.stdout.isTTY ? '' : '\n'), everyMs).unref();

function tell(end) {
  const { since, statuses, durations, failed } = seen;
  durations.sort((a, b) => a - b);
  const percentile = (share) => `${(durations[Math.floor(durations.length * share)] ?? 0).toFixed(0)} ms`;
  const parts = [
    `${((durations.length * 1_000) / (Date.now() - since)).toFixed(1)} req/s`,
    `P50 ${percentile(0.5)}, P99 ${percentile(0.99)}`,
    Object.entries(statuses)
      .map(([status, count]) => `${status}: ${count}`)
      .join('  '),
    failed > 0 && `no answer: ${failed}`,
  ];
  const line = parts.filter(Boolean).join(' · ');
  process.stdout.write(process.stdout.isTTY ? `\r\x1b[K${line}${end}` : `${line}${end}`);
  Object.assign(seen, { since: Date.now(), statuses: {}, durations: [], failed: 0 });
}

function parse() {
  const text = { type: 'string' };
  try {
    const { values } = parseArgs({ options: { url: text, rate: text, seconds: text, seed: text } });
    const { url = 'http://127.0.0.1:3000', rate = '20', seconds = String(longestSeconds), seed = '1' } = values;
    if (!URL.canParse(url)) throw new Error(`--url must be an address, and is ${url}.`);
    return {
      url,
      rate: whole('--rate', rate, 200),
      seconds: whole('--seconds', seconds, longestSeconds),
      seed: whole('--seed', seed, 2 ** 31),
    };
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    process.exit(1);
  }
}

function whole(name, value, max) {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= max) return number;
  throw new Error(`${name} must be a whole number from 1 to ${max}, and is ${value}.`);
}
