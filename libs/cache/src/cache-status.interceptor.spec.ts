import { describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { lastValueFrom, of } from 'rxjs';
import type { Cached } from './cache.js';
import { CacheStatusInterceptor } from './cache-status.interceptor.js';

async function answer(cached: Omit<Cached<string>, 'value'>) {
  const headers: Record<string, string> = {};
  const reply = { header: (name: string, value: string) => Object.assign(headers, { [name]: value }) };
  const context = { switchToHttp: () => ({ getResponse: () => reply }) } as unknown as ExecutionContext;
  process.env.OTEL_SERVICE_NAME = 'my shop';
  try {
    const handle = () => of({ value: 'compass', ...cached });
    expect(await lastValueFrom(new CacheStatusInterceptor().intercept(context, { handle }))).toBe('compass');
  } finally {
    delete process.env.OTEL_SERVICE_NAME;
  }
  return headers;
}

describe('CacheStatusInterceptor', () => {
  it('says of a hit how old it is, and how long it is fresh', async () => {
    expect(await answer({ ageMs: 1_999, ttlMs: 3_001 })).toEqual({
      age: '1',
      'cache-status': 'my-shop; hit; ttl=3',
    });
  });

  it.each(['miss', 'stale'] as const)('says of a load why it was needed, and no age: %s', async (asked) => {
    expect(await answer({ ageMs: 0, ttlMs: 5_000, asked })).toEqual({ 'cache-status': `my-shop; fwd=${asked}; ttl=5` });
  });

  it('says of a stale value that its load failed', async () => {
    expect(await answer({ ageMs: 5_200, ttlMs: -200, asked: 'stale' })).toEqual({
      age: '5',
      'cache-status': 'my-shop; fwd=stale; ttl=-1; detail=load-failed',
    });
  });

  it('says of a stale value that was given at once that it is a hit, with a negative lifetime', async () => {
    expect(await answer({ ageMs: 17_000, ttlMs: -12_000 })).toEqual({
      age: '17',
      'cache-status': 'my-shop; hit; ttl=-12',
    });
  });
});
