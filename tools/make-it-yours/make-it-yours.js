import '../dev/node-version.js';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { Failure, main, step } from '../dev/failure.js';
import { run } from '../dev/run.js';
import { removeFiles, removeLines } from './edits.js';
import { rename, trackedFiles } from './rename.js';
import { removeShop } from './shop.js';

const usage = `Turns this clone into your own repository. What is not given is asked, on a terminal.

  --name       of the repository: the compose project, the dashboards, the images
  --scope      of its packages, without the @
  --shop       whether the shop stays: yes or no
  --service    without the shop: the name of your first service, hello`;

const longest = 40;
/** Grafana takes 40 characters for a dashboard's uid, which is this name and one of our words. */
const longestName = 29;
const pnpm = ['--yes', '--prefer-offline', 'pnpm@12'];

await main(async () => {
  const { name, scope, keepShop, service } = await answers();
  if ((await run('git', ['status', '--porcelain'], { quiet: true })) !== '') {
    throw new Failure(
      'There are changes that are not committed. Commit or stash them first, so that all of this can be undone.',
    );
  }
  if (existsSync('.data')) {
    throw new Failure(
      '.data holds databases of before, of another user. Stop what uses them, and remove that folder first.',
    );
  }

  const make = (...options) => run('node_modules/.bin/nest', ['g', 'app', service, ...options], { quiet: true });
  if (!keepShop) {
    // Before anything is changed: a name that is refused.
    await make('--dry-run');
    await step('remove the shop', () => removeShop(service));
  }
  await step(`call it ${name}, and its packages @${scope}/…`, () => rename({ name, scope }));
  await step('remove this command', removeOurselves);
  await step('install', () =>
    run('npx', [...pnpm, 'install', '--no-frozen-lockfile', '--prefer-offline'], { quiet: true }),
  );
  await step('format', () => run('node_modules/.bin/biome', ['check', '--write', '.'], { quiet: true }));
  if (keepShop) await step('generate', () => run('npx', [...pnpm, 'generate'], { quiet: true }));
  else await step(`make ${service}`, () => make());

  process.stdout.write(
    `\nThis is ${name} now. Nothing is committed: look at it with \`git status\`, or undo it with \`git checkout . && git clean -d --force\`.\n` +
      '  npx pnpm@12 start\n  npx pnpm@12 test\n\n',
  );
});

async function answers() {
  const text = { type: 'string' };
  let given;
  try {
    given = parseArgs({ options: { name: text, scope: text, shop: text, service: text } }).values;
  } catch (error) {
    throw new Failure(`${error.message}\n\n${usage}`);
  }
  const ask = process.stdin.isTTY ? createInterface({ input: process.stdin, output: process.stdout }) : undefined;
  const answer = async (option, question, fallback) =>
    given[option] ?? ((await ask?.question(`${question}${fallback ? ` (${fallback})` : ''} `)) || fallback);
  try {
    const name = checked('name', await answer('name', 'What is the repository called?'), longestName);
    const scope = checked('scope', (await answer('scope', 'The scope of its packages?', name))?.replace(/^@/, ''));
    const shop = await answer('shop', 'Does the shop stay, to learn from? yes or no', 'yes');
    if (!['yes', 'no'].includes(shop)) throw new Failure(`--shop is yes or no, and not ${shop}.\n\n${usage}`);
    const keepShop = shop === 'yes';
    const service = keepShop ? undefined : checked('service', await answer('service', 'Your first service?', 'hello'));
    return { name, scope, keepShop, service };
  } finally {
    ask?.close();
  }
}

function checked(option, value, characters = longest) {
  if (/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(value ?? '') && value.length <= characters) return value;
  throw new Failure(
    `${value === undefined ? `--${option} is missing` : `"${value}" cannot be the ${option}`}: it needs lower-case letters, digits and single hyphens, at most ${characters}, a letter first.\n\n${usage}`,
  );
}

function removeOurselves() {
  removeFiles('tools/make-it-yours', 'test/make-it-yours.spec.ts', 'test/drills/make-it-yours.js');
  for (const file of trackedFiles().filter((one) => /\.(md|json|ts)$/.test(one))) removeLines(file, /make-it-yours/);
}
