import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { catalogue } from '@app/telemetry';
import { describe, expect, it } from '@jest/globals';
import { alerts } from './alerts.js';
import { generate } from './generate.js';
import { loadServices } from './services.js';

const folder = resolve(import.meta.dirname, '..');
const services = await loadServices();
const files = generate(services);
const rulesThere = () => readdirSync(join(folder, 'rules')).map((name) => `rules/${name}`);

if (process.env.GENERATE) {
  for (const file of rulesThere()) if (!files.has(file)) rmSync(join(folder, file));
  for (const [file, text] of files) writeFileSync(join(folder, file), text);
}

describe("Prometheus' configuration", () => {
  it.each([...files])('%s says what the code says (otherwise run `pnpm generate`)', (file, text) => {
    expect(readFileSync(join(folder, file), 'utf8')).toBe(text);
  });

  it('has no file of rules that nobody wrote', () => {
    expect(rulesThere().filter((file) => !files.has(file))).toEqual([]);
  });
});

describe('every alert', () => {
  const named = alerts(services.map(({ name }) => name)).map((alert) => [alert.name, alert] as const);

  it.each(named)('%s has a page that says what to do', (name) => {
    const page = resolve(folder, `../docs/runbooks/${name}.md`);
    expect(existsSync(page)).toBe(true);
    expect(readFileSync(page, 'utf8')).toMatch(
      new RegExp(`^# ${name}\\n\\n[^]+\\n## What it means\\n[^]+\\n## What to do\\n[^]+\\n## When it is over\\n`),
    );
  });

  it('has its page, and no page is without an alert', () => {
    const pages = readdirSync(resolve(folder, '../docs/runbooks')).filter((page) => page !== 'README.md');
    expect(pages.toSorted()).toEqual(named.map(([name]) => `${name}.md`).sort());
  });
});

describe('objectives', () => {
  const bounds: readonly number[] = catalogue.httpServerRequestDuration.buckets;

  it.each(services)('of $name name bounds of the histogram and shares between 0 and 1', ({ objectives }) => {
    const { routes = {}, ...whole } = objectives ?? { availability: 0.5, latencyMs: 5 };
    for (const { availability, latencyMs } of [whole, ...Object.values(routes)]) {
      if (latencyMs !== undefined) expect(bounds).toContain(latencyMs / 1_000);
      if (availability !== undefined) expect(availability > 0 && availability < 1).toBe(true);
    }
  });
});
