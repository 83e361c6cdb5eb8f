import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Post } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { defineConfig } from '../config/define-config.js';
import { serviceEnv } from '../config/service.env.js';
import { ServiceModule } from '../service.module.js';
import { createAdapter, inbound } from './adapter.js';
import { RequestsInFlight } from './requests-in-flight.js';

const config = defineConfig('spec', { service: serviceEnv({ port: 0, adminPort: 0 }) });

@Controller('orders')
class Orders {
  @Get(':id')
  find() {
    return {};
  }
  @Post()
  place() {
    return {};
  }
}

@Module({ imports: [ServiceModule.forRoot({ config })], controllers: [Orders] })
class AppModule {}

it('a request is seen before anything can refuse it', () => {
  expect(inbound.map(({ name }) => name)).toEqual([
    'observeRequests',
    'openDeadline',
    'limitLoad',
    'refuseUnknownRoutes',
    'injectFaults',
  ]);
});

describe('a request that matches no route', () => {
  let app: NestFastifyApplication;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
    const adapter = createAdapter(config.parse({}).service, {
      trustInboundHeaders: false,
      inFlight: new RequestsInFlight(),
    });
    app = await module.createNestApplication<NestFastifyApplication>(adapter, { bodyParser: false }).init();
  });
  afterAll(() => app.close());

  it.each([
    ['DELETE', '/orders/7', 'GET, HEAD'],
    ['GET', '/orders', 'POST'],
    ['PUT', '/orders?x=1', 'POST'],
  ] as const)('gets 405 for %s %s, with the methods there are', async (method, url, allow) => {
    const response = await app.inject({ method, url });
    expect(response.json()).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(response.headers.allow).toBe(allow);
  });

  it.each(['/', '/order', '/orders/7/items', '/orders/7/', '/orders/'])('gets 404 for %s', async (url) => {
    for (const method of ['GET', 'POST'] as const) {
      expect((await app.inject({ method, url })).json()).toMatchObject({ status: 404, code: 'not_found' });
    }
  });
});
