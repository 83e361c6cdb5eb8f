import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { isResilienceError, ResilienceError, resilienceCodes } from './resilience.error.js';

const error = new ResilienceError({ code: 'circuit_open', client: 'payments', retryAfterMs: 500 });

describe('ResilienceError', () => {
  it('says which client, what happened and when to come again', () => {
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'ResilienceError',
      code: 'circuit_open',
      client: 'payments',
      retryAfterMs: 500,
    });
    expect(error.message).toBe(`payments: ${resilienceCodes.circuit_open}`);
  });

  it('keeps its cause where there is one, and only there', () => {
    const cause = new Error('socket');
    expect(new ResilienceError({ code: 'cancelled', client: 'payments', cause }).cause).toBe(cause);
    expect('cause' in error).toBe(false);
  });

  it('leaves other errors their stack', () => {
    expect(new Error('other').stack).toContain('resilience.error.spec');
    expect(error.stack).not.toContain('resilience.error.spec');
  });

  it('explains every code in a sentence', () => {
    for (const sentence of Object.values(resilienceCodes)) expect(sentence).toMatch(/^[A-Z].*\.$/);
  });

  it('has the codes that the README lists, with what they mean', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const section = readme.split('## Error codes')[1]?.split('\n## ')[0] ?? '';
    const listed = [...section.matchAll(/^\| `(\w+)` +\| (\S.*?) +\|$/gm)].map(([, code, meaning]) => [code, meaning]);
    expect(listed).toEqual(Object.entries(resilienceCodes));
  });
});

describe('isResilienceError', () => {
  it('knows one by its code, or any', () => {
    expect(isResilienceError(error)).toBe(true);
    expect(isResilienceError(error, 'circuit_open')).toBe(true);
    expect(isResilienceError(error, 'bulkhead_full')).toBe(false);
  });

  it('knows one from another copy of this package', () => {
    expect(isResilienceError({ name: 'ResilienceError', code: 'cancelled' }, 'cancelled')).toBe(true);
  });

  it.each([undefined, null, 'text', 5, {}, new Error('other'), { code: 'circuit_open' }])(
    'knows that %p is none',
    (other) => {
      expect(isResilienceError(other)).toBe(false);
    },
  );
});
