import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, HttpException, Post } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { currentDeadline } from '../deadline/deadline.js';
import { CircuitBreaker } from './circuit-breaker.interceptor.js';
import { Retry } from './retry.interceptor.js';
import { Timeout } from './timeout.interceptor.js';

const calls = { slow: 0, failing: 0, refusing: 0, flaky: 0, gone: 0 };
let stopped = false;

@Controller()
class DrillController {
  @Get('slow')
  @Timeout(50)
  async slow() {
    calls.slow += 1;
    await new Promise((resolve) =>
      currentDeadline()?.signal.addEventListener('abort', () => {
        stopped = true;
        resolve(undefined);
      }),
    );
    return 'late';
  }

  @Get('quick')
  @Timeout(5_000)
  quick() {
    return { timeLeftMs: currentDeadline()?.timeLeftMs };
  }

  @Get('failing')
  @CircuitBreaker({ minimumThroughput: 3 })
  failing() {
    calls.failing += 1;
    throw new HttpException('broken', 500);
  }

  @Get('refusing')
  @CircuitBreaker({ minimumThroughput: 3 })
  refusing() {
    calls.refusing += 1;
    throw new HttpException('no', 404);
  }

  @Retry({ baseDelayMs: 1 })
  @Get('flaky')
  flaky() {
    calls.flaky += 1;
    if (calls.flaky < 3) throw new HttpException('not now', 503);
    return { calls: calls.flaky };
  }

  @Retry({ baseDelayMs: 1 })
  @Get('gone')
  gone() {
    calls.gone += 1;
    throw new HttpException('never', 410);
  }
}

describe('policies around handlers', () => {
  let app: NestFastifyApplication;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ controllers: [DrillController] }).compile();
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
    await app.init();
  });

  afterAll(() => app?.close());

  const get = async (url: string) => {
    const response = await app.inject(url);
    return { status: response.statusCode, body: response.body };
  };

  it('@Timeout ends a handler that is too slow, and tells it so', async () => {
    expect((await get('/slow')).status).toBe(500); // Nest's own filter; the service's answers 504.
    expect(stopped).toBe(true);
    expect(calls.slow).toBe(1);
  });

  it('@Timeout gives the handler its deadline', async () => {
    const { timeLeftMs } = JSON.parse((await get('/quick')).body) as { timeLeftMs: number };
    expect(timeLeftMs).toBeGreaterThan(0);
    expect(timeLeftMs).toBeLessThanOrEqual(5_000);
  });

  it('@Timeout refuses what is no time', () => {
    expect(() => Timeout(0)).toThrow('got 0');
  });

  it('@CircuitBreaker stops calling a handler that keeps failing', async () => {
    for (let count = 0; count < 6; count++) await get('/failing');
    expect(calls.failing).toBe(3);
  });

  it('@CircuitBreaker does not mind refusals', async () => {
    for (let count = 0; count < 6; count++) expect((await get('/refusing')).status).toBe(404);
    expect(calls.refusing).toBe(6);
  });

  it('@CircuitBreaker refuses options that are out of range', () => {
    expect(() => CircuitBreaker({ failureRatio: 2 })).toThrow('failureRatio');
  });

  it('@Retry repeats what may pass', async () => {
    expect(await get('/flaky')).toEqual({ status: 200, body: '{"calls":3}' });
  });

  it('@Retry does not repeat an answer', async () => {
    expect((await get('/gone')).status).toBe(410);
    expect(calls.gone).toBe(1);
  });

  it('@Retry refuses handlers that may not run twice, at start', () => {
    const declare = () => {
      class Orders {
        @Retry()
        @Post()
        place() {}
      }
      return Orders;
    };
    expect(declare).toThrow('@Retry on Orders.place');
  });
});
