import './node-version.js';
import './env-file.js';
import { loadApps } from './apps.js';
import { build } from './build.js';
import { migrateApps, openDatabaseServer } from './database.js';
import { main, step } from './failure.js';

await main(async () => {
  await step('build', build);
  const server = await openDatabaseServer(process.env.DATA_DIR || '.data');
  try {
    await step('migrate', async () => migrateApps(server, await loadApps()));
  } finally {
    await server.stop();
  }
});
