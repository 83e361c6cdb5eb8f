import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Failure } from './failure.js';

/**
 * Every app of the repository, those that others call first. What an app needs is read from its own configuration, so there is no list
 * of apps to keep. Needs a build.
 */
export async function loadApps(portOffset = 0) {
  const names = readdirSync('apps').filter((name) => existsSync(join('apps', name, 'package.json')));
  const apps = await Promise.all(names.map((name) => loadApp(name, portOffset)));
  for (const app of apps) {
    app.dependsOn = apps.filter((other) => app.variables.has(urlVariable(other)));
    for (const other of app.dependsOn) app.env[urlVariable(other)] ||= other.url;
  }
  return callersLast(apps);
}

/** @throws Failure for what is no offset */
export function portOffset() {
  const offset = Number(process.env.PORT_OFFSET || 0);
  if (Number.isInteger(offset) && offset >= 0 && offset <= 50_000) return offset;
  throw new Failure(
    `PORT_OFFSET must be a whole number from 0 to 50000, and is ${JSON.stringify(process.env.PORT_OFFSET)}.`,
  );
}

async function loadApp(name, portOffset) {
  const { environmentVariables } = await import('@app/service');
  const folder = resolve('apps', name);
  const file = join(folder, 'dist', `${name}.config.js`);
  if (!existsSync(file)) {
    throw new Failure(
      `apps/${name} has no configuration: its src/${name}.config.ts must define one with defineConfig.`,
    );
  }
  const module = await import(pathToFileURL(file));
  const config = Object.values(module).find((value) => value?.sections);
  const variables = new Map(environmentVariables(config).map((variable) => [variable.name, variable]));
  const port = Number(variables.get('PORT').default) + portOffset;
  const adminPort = Number(variables.get('ADMIN_PORT').default) + portOffset;
  const { DATABASE_URL, ...inherited } = process.env;
  return {
    name,
    folder,
    variables,
    port,
    adminPort,
    url: `http://127.0.0.1:${port}`,
    admin: `http://127.0.0.1:${adminPort}`,
    needsDatabase: variables.has('DATABASE_URL'),
    tryIt: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).config?.try,
    env: { ...inherited, PORT: String(port), ADMIN_PORT: String(adminPort) },
  };
}

const urlVariable = ({ name }) => `${name.replaceAll('-', '_').toUpperCase()}_URL`;

function callersLast(apps) {
  const sorted = new Set();
  const visit = (app, path = []) => {
    if (sorted.has(app) || path.includes(app)) return;
    for (const other of app.dependsOn) visit(other, [...path, app]);
    sorted.add(app);
  };
  for (const app of apps) visit(app);
  return [...sorted];
}
