import '../../tools/dev/node-version.js';
import { readdirSync } from 'node:fs';
import { build } from '../../tools/dev/build.js';
import { Failure, main, step } from '../../tools/dev/failure.js';

const names = readdirSync(import.meta.dirname)
  .map((file) => file.replace(/\.js$/, ''))
  .filter((name) => name !== 'drill');

/** Runs one drill: a fault, longer and harder than the tests have time for. */
await main(async () => {
  const [name] = process.argv.slice(2);
  if (!names.includes(name)) throw new Failure(`Which drill? pnpm drill ${names.join(' | ')}`);
  await step('build', build);
  const { drill } = await import(`./${name}.js`);
  await step(name, drill);
});
