import 'reflect-metadata';
import { LoadLimit } from '@app/resilience';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Module, Post } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { defineConfig } from '../config/define-config.js';
import { serviceEnv } from '../config/service.env.js';
import { ServiceModule } from '../service.module.js';
import { createAdapter } from './adapter.js';
import { Priority } from './limit-load.js';
import { RequestsInFlight } from './requests-in-flight.js';

const config = defineConfig('till', { service: serviceEnv({ port: 0, adminPort: 0 }) });
let inside: PromiseWithResolvers<void>;
let open: PromiseWithResolvers<void>;

@Controller()
class Till {
  @Get('products')
  browse() {
    return {};
  }

  @Get('slow')
  async slow() {
    inside.resolve();
    await open.promise;
    return {};
  }

  @Post('checkout')
  @Priority('high')
  checkout(@Body() body: object) {
    return body;
  }
}

@Module({ imports: [ServiceModule.forRoot({ config })], controllers: [Till] })
class TillModule {}

describe('the load limit of a service', () => {
  let app: NestFastifyApplication;
  let load: LoadLimit;

  beforeEach(async () => {
    inside = Promise.withResolvers();
    open = Promise.withResolvers();
    load = new LoadLimit({ minLimit: 1, maxLimit: 1 });
    const module = await Test.createTestingModule({ imports: [TillModule] }).compile();
    const adapter = createAdapter(config.parse({}).service, {
      trustInboundHeaders: false,
      inFlight: new RequestsInFlight(),
      load,
    });
    app = await module.createNestApplication<NestFastifyApplication>(adapter, { bodyParser: false }).init();
  });
  afterEach(() => app.close());

  it('refuses what is too much at once, before its body is read, and takes on what comes later', async () => {
    const slow = app.inject('/slow').then(({ statusCode }) => statusCode);
    await inside.promise;
    const headers = { 'content-type': 'application/json' };
    const refused = await app.inject({ method: 'POST', url: '/checkout', headers, payload: 'no JSON' });
    expect(refused.statusCode).toBe(503);
    expect(refused.headers).toMatchObject({
      'content-type': expect.stringContaining('application/problem+json'),
      'retry-after': '1',
      'x-envoy-overloaded': 'true',
    });
    expect(refused.json()).toMatchObject({ code: 'overloaded', instance: '/checkout' });
    expect(load.inFlight).toBe(1);
    open.resolve();
    expect(await slow).toBe(200);
    expect(load.inFlight).toBe(0);
    expect((await app.inject({ method: 'POST', url: '/checkout', payload: { sku: 'keel' } })).json()).toEqual({
      sku: 'keel',
    });
  });

  it('asks after the priority that the route declares', async () => {
    const asked: string[] = [];
    load.enter = (priority) => {
      asked.push(priority);
      return 'concurrency';
    };
    for (const [method, url] of [
      ['GET', '/products'],
      ['POST', '/checkout'],
      ['GET', '/unknown'],
    ] as const) {
      expect((await app.inject({ method, url })).statusCode).toBe(503);
    }
    expect(asked).toEqual(['normal', 'high', 'normal']);
  });

  it('counts what was answered with an error as done', async () => {
    for (const url of ['/unknown', '/products/7', '/%%']) await app.inject(url);
    await app.inject({
      method: 'POST',
      url: '/checkout',
      payload: '{',
      headers: { 'content-type': 'application/json' },
    });
    expect(load.inFlight).toBe(0);
  });
});

describe('its options', () => {
  const { parse } = config;

  it('are on unless switched off', () => {
    expect(parse({}).service.loadLimit).toEqual({ minLimit: 10, maxLimit: 1_000, latencyMs: 1_000, loopDelayMs: 100 });
    expect(parse({ LOAD_LIMIT: 'false' }).service.loadLimit).toBe(false);
  });

  it('do not contradict each other', () => {
    expect(() => parse({ LOAD_LIMIT_MIN: '20', LOAD_LIMIT_MAX: '10' })).toThrow(
      'LOAD_LIMIT_MIN (20) must not exceed LOAD_LIMIT_MAX (10)',
    );
  });
});
