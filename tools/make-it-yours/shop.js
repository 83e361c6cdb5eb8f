import { readdirSync, readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { edit, removeFiles, removeLines } from './edits.js';

const ofTheShop = /\b(storefront|payments|orders|shop)\b/i;
/** Sections of README that tell of nothing else. */
const sections = ['What you will see', "A request's way"];

/** Removes the shop, with its tests, its load, and what README says of it. What is explained by one of its services is explained by `service`. */
export function removeShop(service) {
  removeFiles(
    ...readdirSync('apps').map((name) => `apps/${name}`),
    'tools/traffic',
    'tools/schematics/shop.spec.ts',
    'docs/break-payments-and-watch.md',
  );
  removeTests();
  for (const file of ['docker-compose.yml', 'pnpm-workspace.yaml', '.dockerignore', 'package.json']) {
    removeLines(file, /traffic/);
  }
  // Otherwise its addresses would seem to mean something.
  edit('.env.example', () => '');
  for (const section of sections) {
    edit('README.md', (text) => text.replace(new RegExp(`^## ${section}$[^]*?(?=^## )`, 'm'), ''));
  }
  removeLines('README.md', /apps\/(storefront|orders|payments)|traffic|break-payments|the shop/);
  edit('tools/dev/stack.js', (text) => text.replace('\\n  npx pnpm@12 traffic', ''));
  removeLines('docs/production.md', /seed/);
  removeLines('tools/schematics/README.md', /the shop/);
  for (const file of ['README.md', 'docs/production.md', 'tools/schematics/README.md']) {
    edit(file, (text) => text.replaceAll(/\b(storefront|orders|payments)\b/g, service));
  }
}

/** Tests that need the shop, and what then helps no test any more. */
function removeTests() {
  const filesIn = (folder) =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isFile() ? [`${folder}/${entry.name}`] : [],
    );
  const files = () => [...filesIn('test'), ...filesIn('test/drills')];
  const textOf = (file) => readFileSync(file, 'utf8');
  const specs = files().filter((file) => ofTheShop.test(textOf(file)));
  // The drill of a spec runs it, only longer.
  removeFiles(...specs, ...specs.map((file) => file.replace(/^test\/(.*)\.spec\.ts$/, 'test/drills/$1.js')));
  const imported = files().map(textOf).join('\n');
  const isUsed = (file) => imported.includes(`/${basename(file, extname(file))}.`);
  removeFiles(...filesIn('test').filter((file) => !file.endsWith('.spec.ts') && !isUsed(file)));
}
