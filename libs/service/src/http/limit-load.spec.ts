import 'reflect-metadata';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { LoadLimit } from '@app/resilience';
import { eventually } from '@app/testing';
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
  let inFlight: RequestsInFlight;

  beforeEach(async () => {
    inside = Promise.withResolvers();
    open = Promise.withResolvers();
    inFlight = new RequestsInFlight();
    load = new LoadLimit({ minLimit: 1, maxLimit: 1 });
    const module = await Test.createTestingModule({ imports: [TillModule] }).compile();
    const adapter = createAdapter(config.parse({}).service, {
      trustInboundHeaders: false,
      inFlight,
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
    load.refuses = (priority) => {
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

  it('gives no place to a request before its body is there, and then asks again', async () => {
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    const head = 'POST /checkout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n';
    const socket = connect(port, '127.0.0.1', () => socket.write(`${head}{`));
    await eventually('it is under way', () => inFlight.size === 1);
    expect((await app.inject('/products')).statusCode).toBe(200);
    const slow = app.inject('/slow');
    await inside.promise;
    socket.write('}');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 503 /);
    socket.destroy();
    open.resolve();
    await slow;
    expect(load.inFlight).toBe(0);
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
