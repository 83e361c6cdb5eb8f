import './node-version.js';
import './env-file.js';
import { spawn } from 'node:child_process';
import { loadApps, portOffset } from './apps.js';
import { build, projects } from './build.js';
import { migrateApps, openDatabaseServer, runScript } from './database.js';
import { Failure, main, step } from './failure.js';
import { launcherGone } from './launcher.js';
import { checkPorts, forgetPids, rememberPids, startApp, stopApps, untilReady } from './services.js';

const watch = process.argv.includes('--watch');
const dataDir = process.env.DATA_DIR || '.data';

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => interruption.abort());
void launcherGone().then(() => interruption.abort());
const interrupted = new Promise((resolve) => interruption.signal.addEventListener('abort', resolve));

await main(async () => {
  let apps = [];
  let database;
  let compiler;
  try {
    await stage('build', build);
    apps = await loadApps(portOffset());
    await checkPorts(apps, dataDir);
    database = await stage('start PostgreSQL', () => openDatabaseServer(dataDir));
    if (database.owned === false) {
      throw new Failure(
        `Another start works on ${dataDir}. Stop it first, or give this one a folder of its own with DATA_DIR.`,
      );
    }
    await stage('migrate and seed', async () => {
      await migrateApps(database, apps);
      await Promise.all(apps.map((app) => runScript(app, 'seed')));
    });
    if (watch) compiler = startCompiler();
    await stage('start services', async () => {
      // For `pnpm fault`: on this machine it harms nobody else.
      if (process.env.NODE_ENV !== 'production') for (const app of apps) app.env.FAULTS_ENABLED ??= 'true';
      for (const app of apps) startApp(app, { watch });
      rememberPids(apps, dataDir);
      await Promise.race([Promise.all(apps.map(untilReady)), interrupted]);
    });
    interruption.signal.throwIfAborted();
    printTable(apps);

    const ended = apps.map(({ name, exited }) =>
      exited.then((code) => `${name} ended unexpectedly with exit code ${code}.`),
    );
    const lost = database.exited?.then(() => 'PostgreSQL ended unexpectedly.');
    const reason = await Promise.race([interrupted, ...ended, ...(lost ? [lost] : [])]);
    if (typeof reason === 'string') throw new Failure(reason);
  } catch (error) {
    // Whatever fails because it was interrupted is no failure.
    if (!interruption.signal.aborted) throw error;
  } finally {
    if (database) process.stdout.write('\n· stop\n');
    compiler?.kill();
    await stopApps(apps);
    forgetPids(dataDir);
    await database?.stop();
  }
});

/** A step that does not begin once we are told to stop. */
function stage(what, work) {
  interruption.signal.throwIfAborted();
  return step(what, work);
}

function startCompiler() {
  return spawn('tsc', ['-b', '--watch', '--preserveWatchOutput', ...projects()], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

function printTable(apps) {
  const rows = [
    ['service', 'API', 'API page', 'admin'],
    ...apps.toReversed().map(({ name, url, admin }) => [name, url, `${url}/docs`, admin]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const table = rows
    .map(
      (row) =>
        `  ${row
          .map((cell, column) => cell.padEnd(widths[column]))
          .join('   ')
          .trimEnd()}`,
    )
    .join('\n');
  const examples = apps.flatMap(({ tryIt, url }) => (tryIt ? [`  ${tryIt.replace('$URL', url)}`] : []));
  process.stdout.write(
    `\n${table}\n\n${examples.length ? `Try it:\n${examples.join('\n')}\n\n` : ''}Ctrl-C stops everything. Data stays in ${dataDir}/.\n\n`,
  );
}
