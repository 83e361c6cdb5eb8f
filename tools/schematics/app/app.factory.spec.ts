import { describe, expect, it } from '@jest/globals';
import { generateApp, repository } from '../test.runner.js';

const generate = (name: string, answers = {}) => generateApp(repository(), name, answers);
const portsIn = (config: string) => /port: (\d+), adminPort: (\d+)/.exec(config)?.slice(1).map(Number);

describe('a new service', () => {
  it('has a port that nothing else has, and its admin port as far above as ever', async () => {
    let tree = await generate('one');
    // Grafana has 3030.
    for (let index = 2; index <= 31; index += 1) tree = await generateApp(tree, `s${index}`);
    const ports = tree.files
      .filter((file) => file.endsWith('.config.ts'))
      .map((file) => portsIn(tree.readText(file)) as [number, number]);
    expect(ports.map(([port]) => port).sort()).toEqual(
      [...Array(30).keys(), 30].map((n) => 3000 + n + Number(n === 30)),
    );
    for (const [port, adminPort] of ports) expect(adminPort).toBe(port + 6_000);
  });

  it('leaves free the ports of further instances', async () => {
    const tree = await generate('one');
    const compose = tree.readText('apps/one/compose.yml').replace('127.0.0.1:3000:', '127.0.0.1:3000-3004:');
    tree.overwrite('apps/one/compose.yml', compose);
    const next = await generateApp(tree, 'two');
    expect(portsIn(next.readText('apps/two/src/two.config.ts'))).toEqual([3005, 9005]);
  });

  it('has only what it was asked for', async () => {
    const { files } = await generate('billing');
    expect(files.filter((file) => file.startsWith('/apps/billing/'))).toHaveLength(14);
  });

  it.each([
    ['cache', 'it is that of libs/cache'],
    ['schematics', 'it is that of tools/schematics'],
    ['redis', 'tools/compose/data.yml has a container of that name'],
    ['database', 'DATABASE_URL means something else'],
    ['outbox', 'the code has another use for it'],
    ['worker', 'the code has another use for it'],
    ['package', 'the code has another use for it'],
    ['eval', 'the code has another use for it'],
    ['constructor', 'the code has another use for it'],
    ['Bill_ing', 'lower-case letters'],
    ['9lives', 'a letter first'],
    ['-x', 'a letter first'],
    ['../up', 'lower-case letters'],
    ['a'.repeat(41), 'at most 40'],
  ])('is not called %s', async (name, reason) => {
    await expect(generate(name)).rejects.toThrow(reason);
  });

  it('is not made twice', async () => {
    const tree = await generate('billing');
    await expect(generateApp(tree, 'billing')).rejects.toThrow('there is one in apps/billing');
  });

  it('calls only what there is', async () => {
    await expect(generate('billing', { calls: 'nobody' })).rejects.toThrow(
      'There is no service "nobody". There is none.',
    );
  });
});
