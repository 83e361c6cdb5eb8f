import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RepositoryCopy } from './repository.copy.js';

describe('make-it-yours, in a copy of this repository', () => {
  let copy: RepositoryCopy;

  beforeAll(async () => {
    copy = await RepositoryCopy.make();
  }, 120_000);

  afterAll(() => copy?.remove());

  const makeItYours = (...answers: string[]) =>
    copy.run(process.execPath, 'tools/make-it-yours/make-it-yours.js', ...answers);

  it.each([
    [[], '--name is missing'],
    [['--name=Acme Lines'], '"Acme Lines" cannot be the name'],
    [['--name=acme-lines', '--shop=maybe'], '--shop is yes or no'],
    [['--name=acme-lines', '--shop=no', '--service=cache'], 'it is that of libs/cache'],
    [['--nmae=acme-lines'], "Unknown option '--nmae'"],
  ])('is refused, and changes nothing: %j', async (answers, reason) => {
    const { code, output } = await makeItYours(...answers);
    expect([code, output]).toEqual([1, expect.stringContaining(reason)]);
    expect(output).not.toMatch(/\n\s+at /);
    expect(await copy.changes()).toBe('');
  });

  it('is refused while there are changes that could not be told from its own', async () => {
    const file = join(copy.folder, 'notes.txt');
    await writeFile(file, 'mine');
    const { code, output } = await makeItYours('--name=acme-lines');
    expect([code, output]).toEqual([1, expect.stringContaining('Commit or stash them first')]);
    await rm(file);
    expect(await copy.changes()).toBe('');
  });

  it('leaves no old name and nothing of the shop, and what is left is in order', async () => {
    const { code, output } = await makeItYours('--name=acme-lines', '--scope=lines', '--shop=no', '--service=hello');
    expect([code, output]).toEqual([0, expect.stringContaining('This is acme-lines now')]);
    await copy.succeed('git', 'add', '--all');
    const old = await copy.run('git', 'grep', '--cached', '--ignore-case', '-nE', 'ballast|@app/|make-it-yours');
    expect(old).toEqual({ code: 1, output: '' });
    await copy.succeed('biome', 'ci', '--error-on-warnings', '.');
    await copy.succeed('tsc', '--noEmit');
    await copy.jest('test/app-lists', 'test/arrows', 'test/compose', 'test/env-example', 'generated', 'apps/hello/src');
  }, 180_000);
});
