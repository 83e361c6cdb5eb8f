import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

/** Files of others that cannot look into `apps` themselves: all that they say of apps is written from what is there. */
const apps = readdirSync('apps').filter((name) => existsSync(`apps/${name}/package.json`));

const files: Record<string, (text: string) => string> = {
  'nest-cli.json': nestCli,
  'docker-compose.yml': compose,
  'deploy/development/kustomization.yml': overlay,
  'deploy/production/kustomization.yml': overlay,
};

interface NestCli {
  root: string;
  sourceRoot: string;
  compilerOptions: { tsConfigPath: string };
  projects: Record<string, { type: string }>;
}

function nestCli(text: string): string {
  const config = JSON.parse(text) as NestCli;
  const others = Object.entries(config.projects).filter(([, { type }]) => type !== 'application');
  const projects = Object.fromEntries([...apps.map((name) => [name, project(name)]), ...others]);
  // What the CLI takes where no project is named: as it was, for as long as that app is there.
  const first = apps.find((name) => config.root === `apps/${name}`) ?? apps[0] ?? '';
  const { root, sourceRoot, compilerOptions } = project(first);
  return `${JSON.stringify(
    { ...config, root, sourceRoot, compilerOptions: { ...config.compilerOptions, ...compilerOptions }, projects },
    null,
    2,
  )}\n`;
}

const project = (name: string) => ({
  type: 'application',
  root: `apps/${name}`,
  entryFile: 'main',
  sourceRoot: `apps/${name}/src`,
  compilerOptions: { tsConfigPath: `apps/${name}/tsconfig.build.json` },
});

function compose(text: string): string {
  const lines = text.split('\n').filter((line) => !line.startsWith('  - { path: apps/'));
  const services = lines.findIndex((line) => line.startsWith('  # The services.'));
  const included = apps.map((name) => `  - { path: apps/${name}/compose.yml, env_file: versions.env }`);
  return lines.toSpliced(services + 1, 0, ...included).join('\n');
}

/** Each app is a resource, and its image has a version: the one that it had, or that of the others. */
function overlay(text: string): string {
  const image = /^ {2}- \{ name: ballast\/([\w-]+), .*newTag: (\S+) \}$/;
  const lines = text.split('\n');
  const images = new Map(lines.flatMap((line) => (image.test(line) ? [[image.exec(line)?.[1], line]] : [])));
  const tag = lines.flatMap((line) => image.exec(line)?.[2] ?? []).at(-1) ?? '0.1.0';
  const others = lines.filter((line) => !line.startsWith('  - ../../apps/') && !image.test(line));
  const after = (heading: string, list: string[]) => others.splice(others.indexOf(heading) + 1, 0, ...list);
  after(
    'images:',
    apps.map((name) => images.get(name) ?? `  - { name: ballast/${name}, newTag: ${tag} }`),
  );
  after(
    '  # The services.',
    apps.map((name) => `  - ../../apps/${name}`),
  );
  return others.join('\n');
}

describe.each(Object.entries(files))('%s', (file, render) => {
  it('names every app, and no other (otherwise run `pnpm generate`)', () => {
    const expected = render(readFileSync(file, 'utf8'));
    if (process.env.GENERATE) writeFileSync(file, expected);
    expect(readFileSync(file, 'utf8')).toBe(expected);
  });
});
