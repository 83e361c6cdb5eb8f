import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { type Answers, generateApp, repository } from './test.runner.js';

/** What is generated for each service of the shop, of the answers that it would be made with. */
const shop: Record<string, Answers> = {
  payments: { database: true },
  orders: { database: true, worker: true, calls: 'payments' },
  storefront: { cache: true, calls: 'orders' },
};

describe.each(Object.entries(shop))('%s, generated,', (name, answers) => {
  const of = async (file: string) =>
    (await generateApp(repository({ without: `apps/${name}/` }), name, answers)).readText(`apps/${name}/${file}`);
  const real = (file: string) => readFileSync(`apps/${name}/${file}`, 'utf8');

  it.each([
    'src/main.ts',
    'tsconfig.build.json',
    ...(answers.database ? ['src/migrate.ts', 'src/migrations/index.ts'] : []),
  ])('has the %s that we wrote', async (file) => {
    expect(await of(file)).toBe(real(file));
  });

  it('has the containers that we wrote', async () => {
    type Containers = { services: Record<string, { ports: string[]; environment: object; depends_on: object }> };
    const { services } = parse(await of('compose.yml')) as Containers;
    const ours = (parse(real('compose.yml')) as Containers).services;
    for (const [container, { ports = [], depends_on, ...rest }] of Object.entries(services)) {
      expect(ours[container]).toMatchObject(rest);
      // A second instance has the next port; orders waits for its seed, which waits for its migration.
      expect((ours[container]?.ports ?? []).map((port) => port.replace(/-\d+:/, ':'))).toEqual(ports);
      const waitsFor = Object.keys(ours[container]?.depends_on ?? {}).map((other) =>
        other.replace('-seed', '-migrate'),
      );
      expect(waitsFor.toSorted()).toEqual(Object.keys(depends_on ?? {}).sort());
    }
  });

  it('has the part in Kubernetes that we wrote', async () => {
    // Who is called from outside is nobody's to guess.
    expect(await of('kustomization.yml')).toBe(real('kustomization.yml').replace('  - ../../deploy/public\n', ''));
  });

  it('has the scripts and packages that we named', async () => {
    const { scripts, dependencies, ...rest } = JSON.parse(await of('package.json'));
    const ours = JSON.parse(real('package.json'));
    expect(ours).toMatchObject({ scripts, dependencies: expect.any(Object) });
    expect(Object.keys(ours.dependencies)).toEqual(expect.arrayContaining(Object.keys(dependencies)));
    for (const key of ['name', 'version', 'private', 'license', 'type', 'files']) expect(ours[key]).toEqual(rest[key]);
  });

  it('imports the modules that we import, and reads the same sections and ports', async () => {
    const modules = (text: string) =>
      [...text.matchAll(/(\w+Module)\.(?:forRoot|registerAsync)/g)].map(([, one]) => one);
    const sections = (text: string) => [...text.matchAll(/^ +(service|postgres|cache|outbox|\w+: httpClientEnv).*/gm)];
    const module = modules(await of('src/app.module.ts')).filter((one) => one !== 'IdempotencyModule');
    expect(modules(real('src/app.module.ts'))).toEqual(expect.arrayContaining(module));
    const config = await of(`src/${name}.config.ts`);
    const keys = (text: string) =>
      sections(text)
        .map(([, one]) => one)
        .sort();
    expect(keys(config)).toEqual(keys(real(`src/${name}.config.ts`)));
    const service = (text: string) => /service: serviceEnv\(.*\)/.exec(text)?.[0];
    expect(service(config)).toBe(service(real(`src/${name}.config.ts`)));
  });

  it('promises in the same words', async () => {
    const words = (text: string) => text.replace(/ {2}(latencyMs|routes): .*\n/g, '');
    expect(words(await of(`${name}.slo.ts`))).toBe(words(real(`${name}.slo.ts`)));
  });
});

it('writes the app.module.ts of payments as we did', async () => {
  const tree = await generateApp(repository({ without: 'apps/payments/' }), 'payments', shop.payments);
  expect(tree.readText('apps/payments/src/app.module.ts')).toBe(
    readFileSync('apps/payments/src/app.module.ts', 'utf8'),
  );
});
