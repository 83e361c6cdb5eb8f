import { Script } from 'node:vm';
import { SchematicsException } from '@angular-devkit/schematics';
import { parse } from 'yaml';
import { namesOf } from './names.js';

/** With these for a name, something of what is generated would be called as another thing beside it is, or as a folder of ours. */
const reserved = [
  ...['http', 'idempotency', 'outbox', 'app', 'test'],
  ...['cache', 'create', 'db', 'find', 'items', 'load', 'migrations', 'terms', 'worker'],
];
/** A label of DNS may have 63 characters; the longest name of ours that is made of this one adds some. */
const longestName = 40;
const firstPort = 3000;
/** The admin port is so much above the port. */
const adminOffset = 6000;

/** Every service of the repository. */
export const appsOf = (tree) =>
  tree
    .getDir('apps')
    .subdirs.filter((name) => tree.exists(`apps/${name}/package.json`))
    .sort();

/** @throws SchematicsException saying why no service can be called so */
export function checkNewName(tree, name) {
  if (!name) throw new SchematicsException('A service needs a name, such as `nest g app billing`.');
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > longestName) {
    throw new SchematicsException(
      `"${name}" cannot be the name of a service: it needs lower-case letters, digits and single hyphens, at most ${longestName}, a letter first.`,
    );
  }
  const takenBy = ownerOf(tree, name);
  if (takenBy) throw new SchematicsException(`"${name}" cannot be the name of a service: ${takenBy}.`);
}

function ownerOf(tree, name) {
  const folder = ['apps', 'libs', 'tools', '.'].find((parent) => tree.getDir(`${parent}/${name}`).subfiles.length > 0);
  if (folder === 'apps') return `there is one in apps/${name}`;
  if (folder) return `it is that of ${folder === '.' ? name : `${folder}/${name}`}`;
  const composeFile = composeFilesOf(tree).find((file) =>
    Object.hasOwn(parse(tree.readText(file)).services ?? {}, name),
  );
  if (composeFile) return `${composeFile} has a container of that name`;
  const { camel } = namesOf(name);
  if (reserved.includes(name) || !isIdentifier(camel)) return 'the code has another use for it';
  const variable = `${namesOf(name).upper}_URL`;
  if (new RegExp(`^(# )?${variable}=`, 'm').test(tree.readText('.env.example')))
    return `${variable} means something else`;
  return undefined;
}

/** Whether JavaScript allows a variable and a field of that name. */
function isIdentifier(word) {
  try {
    new Script(`'use strict'; async () => { let ${word}; }`);
    return !(word in {});
  } catch {
    return false;
  }
}

/** @throws SchematicsException naming those that there are */
export function checkApp(tree, name) {
  const apps = appsOf(tree);
  if (apps.includes(name)) return;
  throw new SchematicsException(
    `There is no service "${name}". ${apps.length ? `There are ${apps.join(', ')}.` : 'There is none.'}`,
  );
}

/** The port that a service has on this machine. */
export function portOf(tree, name) {
  const [port] = publishedPorts(tree, `apps/${name}/compose.yml`, name);
  if (!port) throw new SchematicsException(`apps/${name}/compose.yml does not say on which port ${name} is.`);
  return port;
}

/** The first port that nothing of ours has, on which no admin port of ours is either. */
export function freePort(tree) {
  const taken = new Set(composeFilesOf(tree).flatMap((file) => publishedPorts(tree, file)));
  let port = firstPort;
  while (taken.has(port) || taken.has(port + adminOffset)) port += 1;
  return { port, adminPort: port + adminOffset };
}

function composeFilesOf(tree) {
  const { include = [] } = parse(tree.readText('docker-compose.yml'));
  const files = [...include.map(({ path }) => path), ...appsOf(tree).map((name) => `apps/${name}/compose.yml`)];
  return [...new Set(files)].filter((file) => tree.exists(file));
}

/** Ports on this machine, those of a range one by one. */
function publishedPorts(tree, file, service) {
  const { services = {} } = parse(tree.readText(file)) ?? {};
  const some = service ? [services[service] ?? {}] : Object.values(services);
  return some
    .flatMap(({ ports = [] }) => ports)
    .flatMap((published) => {
      const [, from, to = from] = /(\d+)(?:-(\d+))?:[\d-]+$/.exec(published) ?? [];
      return Array.from({ length: to - from + 1 }, (_, index) => Number(from) + index);
    });
}

/** Whether a service calls another, at once or by way of others. */
export function calls(tree, from, to, seen = new Set()) {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  const { services = {} } = parse(tree.readText(`apps/${from}/compose.yml`));
  const called = Object.keys(services[from]?.depends_on ?? {}).filter((name) => appsOf(tree).includes(name));
  return called.some((name) => calls(tree, name, to, seen));
}
