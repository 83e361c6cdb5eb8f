import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Post } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { LoggerModule } from 'nestjs-pino';
import { ProblemFilter } from '../problems/problem.filter.js';
import { IdempotencyKey } from './idempotency-key.decorator.js';

@Controller()
class Orders {
  @Post('orders')
  needed(@IdempotencyKey() key: string) {
    return { key };
  }

  @Post('checkout')
  optional(@IdempotencyKey({ required: false }) key: string | undefined) {
    return { key: key ?? 'none' };
  }
}

describe('IdempotencyKey', () => {
  let app: NestFastifyApplication;

  beforeAll(async () => {
    const module = await Test.createTestingModule({
      imports: [LoggerModule.forRoot({ pinoHttp: { level: 'silent' }, forRoutes: [] })],
      controllers: [Orders],
      providers: [{ provide: APP_FILTER, useClass: ProblemFilter }],
    }).compile();
    app = await module.createNestApplication<NestFastifyApplication>(new FastifyAdapter()).init();
  });
  afterAll(() => app.close());

  async function post(url: string, key?: string) {
    const headers = key === undefined ? {} : { 'idempotency-key': key };
    return (await app.inject({ method: 'POST', url, headers })).json() as object;
  }

  it.each(['7f3c', 'a:b/c"~!', 'x'.repeat(255)])('is the header, where that is %s', async (key) => {
    expect(await post('/orders', key)).toEqual({ key });
    expect(await post('/checkout', key)).toEqual({ key });
  });

  it.each([
    ['empty', ''],
    ['longer than 255', 'x'.repeat(256)],
    ['with a space inside', 'a b'],
    ['sent twice', 'a, b'],
    ['not ASCII', 'clé'],
    ['with a control character', 'a\tb'],
  ])('is refused when it is %s', async (_what, key) => {
    for (const url of ['/orders', '/checkout']) {
      expect(await post(url, key)).toMatchObject({
        status: 400,
        code: 'idempotency_key_invalid',
        errors: [{ path: 'Idempotency-Key' }],
      });
    }
  });

  it('may be missing only where it is not required', async () => {
    expect(await post('/orders')).toMatchObject({ status: 400, code: 'idempotency_key_missing' });
    expect(await post('/checkout')).toEqual({ key: 'none' });
  });
});
