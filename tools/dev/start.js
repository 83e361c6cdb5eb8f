import './node-version.js';
import './env-file.js';
import { spawn } from 'node:child_process';
import { loadApps } from './apps.js';
import { build, projects } from './build.js';
import { migrateApps, openDatabaseServer, runScript } from './database.js';
import { Failure, main, step } from './failure.js';
import { launcherGone } from './launcher.js';
import { checkPorts, startApp, stopApps, untilReady } from './services.js';

const watch = process.argv.includes('--watch');
const dataDir = process.env.DATA_DIR || '.data';

await main(async () => {
  const interrupted = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => resolve(signal));
    void launcherGone().then(resolve);
  });
  let apps = [];
  let database;
  let compiler;
  try {
    await step('build', build);
    apps = await loadApps(portOffset());
    await checkPorts(apps);
    database = await step('start PostgreSQL', () => openDatabaseServer(dataDir));
    await step('migrate and seed', async () => {
      await migrateApps(database, apps);
      await Promise.all(apps.map((app) => runScript(app, 'seed')));
    });
    if (watch)
      compiler = spawn('tsc', ['-b', '--watch', '--preserveWatchOutput', ...projects()], {
        stdio: ['ignore', 'inherit', 'inherit'],
      });
    await step('start services', async () => {
      for (const app of apps) startApp(app, { watch });
      await Promise.race([Promise.all(apps.map(untilReady)), interrupted]);
    });
    if (await Promise.race([interrupted.then(() => true), false])) return;
    printTable(apps);

    const ended = Promise.race(apps.map(({ name, exited }) => exited.then((code) => ({ name, code }))));
    const reason = await Promise.race([interrupted, ended]);
    if (reason?.name) throw new Failure(`${reason.name} ended unexpectedly with exit code ${reason.code}.`);
  } finally {
    if (database) process.stdout.write('\n· stop\n');
    compiler?.kill();
    await stopApps(apps);
    await database?.stop();
  }
});

function portOffset() {
  const offset = Number(process.env.PORT_OFFSET || 0);
  if (Number.isInteger(offset) && offset >= 0 && offset <= 50_000) return offset;
  throw new Failure(
    `PORT_OFFSET must be a whole number from 0 to 50000, and is ${JSON.stringify(process.env.PORT_OFFSET)}.`,
  );
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
