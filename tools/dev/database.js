import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Failure } from './failure.js';
import { run } from './run.js';

/** The database server: the one that `DATABASE_URL` names, otherwise one of our own with its data in `dataDir`. */
export async function openDatabaseServer(dataDir) {
  // Only there after the build.
  const { createDatabase, startPostgres } = await import('@app/testing');
  const { DATABASE_URL } = process.env;
  if (!DATABASE_URL) {
    const folder = join(dataDir, 'postgres');
    return Object.assign(await startPostgres({ dataDir: folder }), { dataDir: resolve(folder) });
  }
  const server = URL.parse(DATABASE_URL);
  if (!server || !/^postgres(ql)?:$/.test(server.protocol) || !['', '/', '/postgres'].includes(server.pathname)) {
    throw new Failure(
      'DATABASE_URL must name a PostgreSQL server for all services, without a database, such as postgres://user:password@127.0.0.1:5432\n' +
        'Each service gets the database of its own name there.',
    );
  }
  return { database: (name) => createDatabase(server.href, name), stop: async () => {} };
}

/** Gives each app that wants one its database, migrated. Production runs the same migrations as a step of its own. */
export async function migrateApps(server, apps) {
  const withDatabase = apps.filter(({ needsDatabase }) => needsDatabase);
  for (const app of withDatabase) {
    app.env.DATABASE_URL = await server.database(app.name).catch((error) => {
      throw new Failure(
        `The database server does not let us in: ${error.message || error.code}\n` +
          (error.code === '42501'
            ? 'Its user may not create databases: grant it CREATEDB, or make one for each service, of its name.'
            : 'Check that it runs and that DATABASE_URL is right; unset DATABASE_URL to use a server of our own.'),
      );
    });
  }
  // Health watches the disk of a server of our own.
  for (const app of withDatabase) if (server.dataDir) app.env.DATABASE_DATA_DIR = server.dataDir;
  await Promise.all(withDatabase.map((app) => runScript(app, 'migrate')));
}

/** Runs `dist/<name>.js` of an app, where it has one. */
export async function runScript(app, name) {
  const script = join('dist', `${name}.js`);
  if (existsSync(join(app.folder, script))) await run('node', [script], { cwd: app.folder, env: app.env, quiet: true });
}
