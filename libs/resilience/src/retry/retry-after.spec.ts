import { describe, expect, it } from '@jest/globals';
import { retryAfterMs } from './retry-after.js';

const now = Date.UTC(2026, 10, 23, 12, 0, 0);

describe('retryAfterMs', () => {
  it.each([
    ['0', 0],
    ['1', 1_000],
    [' 120 ', 120_000],
    ['9'.repeat(400), Infinity],
  ])('reads %j as seconds', (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms);
  });

  it.each(['Mon, 23 Nov 2026 12:00:05 GMT', 'Monday, 23-Nov-26 12:00:05 GMT', 'Mon Nov 23 12:00:05 2026'])(
    'reads %j as a date, in each form that HTTP knows',
    (header) => {
      expect(retryAfterMs(header, now)).toBe(5_000);
    },
  );

  it('asks for no wait until a date that has passed', () => {
    expect(retryAfterMs('Mon, 23 Nov 2026 11:00:00 GMT', now)).toBe(0);
  });

  it('counts from now where it is not told when that is', () => {
    expect(retryAfterMs(new Date(Date.now() + 60_000).toUTCString())).toBeGreaterThan(50_000);
  });

  it.each([
    undefined,
    null,
    5,
    ['5'],
    '',
    ' ',
    'soon',
    'soon 3',
    'in 5 minutes',
    '-5',
    '1.5',
    '5s',
    '1e3',
    '0x10',
    '2026-11-23',
    'Mon, 99 Nov 2026 12:00:05 GMT',
  ])('makes nothing of %j', (header) => {
    expect(retryAfterMs(header, now)).toBeUndefined();
  });
});
