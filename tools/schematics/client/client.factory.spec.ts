import type { Tree } from '@angular-devkit/schematics';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { generateApp, generateClient, repository } from '../test.runner.js';

describe('a client', () => {
  let tree: Tree;

  beforeEach(async () => {
    tree = await generateApp(await generateApp(repository(), 'prices'), 'billing');
  });

  it('comes with its options, its module, its spec and its container', async () => {
    const { files, readText } = await generateClient(tree, { name: 'prices', project: 'billing' }).then((after) => ({
      files: after.files,
      readText: (file: string) => after.readText(`apps/billing/${file}`),
    }));
    expect(readText('src/billing.config.ts')).toContain(
      "prices: httpClientEnv('PRICES', { baseUrl: 'http://127.0.0.1:3000' })",
    );
    expect(readText('src/app.module.ts')).toContain('client: PricesClient');
    expect(files).toContain('/apps/billing/src/prices.client.spec.ts');
    expect(parse(readText('compose.yml')).services.billing).toMatchObject({
      environment: { PRICES_URL: 'http://prices:3000' },
      depends_on: { prices: { condition: 'service_healthy' } },
    });
    expect(parse(readText('kustomization.yml'))).toMatchObject({
      components: ['../../deploy/service', '../../deploy/discovery'],
      configMapGenerator: [{ name: 'billing', literals: ['PRICES_URL=k8s:http://prices:http'] }],
    });
  });

  it('finds the service that calls in what the CLI says once it has asked', async () => {
    const after = await generateClient(tree, { name: 'prices', sourceRoot: 'apps/billing/src' });
    expect(after.exists('apps/billing/src/prices.client.ts')).toBe(true);
  });

  it.each([
    [{ name: 'nobody', project: 'billing' }, 'There is no service "nobody". There are billing, prices.'],
    [{ name: 'prices', project: 'nobody' }, 'There is no service "nobody".'],
    [{ name: 'prices' }, '--project'],
    [{ name: 'billing', project: 'billing' }, 'its own client'],
  ])('is refused: %j', async (options, reason) => {
    await expect(generateClient(tree, options)).rejects.toThrow(reason);
  });

  it('is not made twice, and not in a circle', async () => {
    const after = await generateClient(tree, { name: 'prices', project: 'billing' });
    await expect(generateClient(after, { name: 'prices', project: 'billing' })).rejects.toThrow('already');
    await expect(generateClient(after, { name: 'billing', project: 'prices' })).rejects.toThrow('circle');
  });
});
