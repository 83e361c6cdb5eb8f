import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { dashboards } from './index.js';

const folder = resolve(import.meta.dirname, '../dashboards');
const files = new Map(dashboards.map((one) => [`${one.uid}.json`, `${JSON.stringify(one, null, 2)}\n`]));
const there = () => readdirSync(folder).filter((file) => file.endsWith('.json'));

if (process.env.GENERATE) {
  for (const file of there()) if (!files.has(file)) rmSync(join(folder, file));
  for (const [file, text] of files) writeFileSync(join(folder, file), text);
}

describe("Grafana's dashboards", () => {
  it.each([...files])('%s says what the code says (otherwise run `pnpm generate`)', (file, text) => {
    expect(readFileSync(join(folder, file), 'utf8')).toBe(text);
  });

  it('are these, and no other', () => {
    expect(there().toSorted()).toEqual([...files.keys()].sort());
  });
});
