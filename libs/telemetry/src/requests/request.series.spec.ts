import { describe, expect, it } from '@jest/globals';
import { methodLabel } from './request.series.js';

describe('methodLabel', () => {
  it.each([
    ['GET', 'GET'],
    ['PATCH', 'PATCH'],
    ['PROPFIND', '_OTHER'],
    ['get', '_OTHER'],
  ])('of %s is %s', (method, label) => {
    expect(methodLabel(method)).toBe(label);
  });
});
