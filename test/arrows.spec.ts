import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

/** Which rooms a room may use. Apps may use every library, and never each other. */
const libraries: Record<string, string[]> = {
  telemetry: [],
  resilience: [],
  health: ['resilience', 'telemetry'],
  discovery: ['health', 'resilience', 'telemetry'],
  postgres: ['health', 'resilience', 'telemetry'],
  cache: ['health', 'resilience', 'telemetry'],
  service: ['postgres', 'cache', 'discovery', 'health', 'resilience', 'telemetry'],
  testing: [],
};

const files = globSync('{apps,libs}/*/src/**/*.ts').map((file) => file.replaceAll('\\', '/'));
const uses = files.flatMap((file) => {
  const [, kind, room] = /^(apps|libs)\/([^/]+)/.exec(file) as unknown as [string, string, string];
  const imports = [...readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(@app\/[^']+)'/g)];
  return imports.map(([, target = '']) => ({ file, kind, room, target, used: target.split('/')[1] ?? '' }));
});

describe('the arrows between rooms', () => {
  it('lead from apps to libraries, and down', () => {
    const wrong = uses.filter(({ kind, room, used, file }) => {
      const isSpec = file.endsWith('.spec.ts');
      if (used === 'testing') return !isSpec;
      if (kind === 'apps') return !(used in libraries);
      return !libraries[room]?.includes(used) && !(isSpec && used === room);
    });
    expect(wrong).toEqual([]);
  });

  it('enter a room by its front door', () => {
    const inside = uses.filter(({ target }) => target.split('/').length > 2 && target !== '@app/telemetry/register');
    expect(inside).toEqual([]);
    const reachingOut = files.filter((file) => /from '(\.\.\/)+(libs|apps)\//.test(readFileSync(file, 'utf8')));
    expect(reachingOut).toEqual([]);
  });

  it('are declared: a room depends on the packages that it imports', () => {
    const missing = uses.filter(({ kind, room, target, used }) => {
      const manifest = JSON.parse(readFileSync(`${kind}/${room}/package.json`, 'utf8'));
      const declared = { ...manifest.dependencies, ...manifest.devDependencies };
      return used !== room && !(`@app/${used}` in declared) && target !== '@app/telemetry/register';
    });
    expect(missing).toEqual([]);
  });

  it('know every library', () => {
    const rooms = new Set(files.filter((file) => file.startsWith('libs/')).map((file) => file.split('/')[1] ?? ''));
    expect([...rooms].filter((room) => !(room in libraries))).toEqual([]);
  });
});
