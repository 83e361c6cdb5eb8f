import 'reflect-metadata';
import { logger, setLogLevel } from '@app/telemetry';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { AxiosError, AxiosHeaders } from 'axios';
import { Logger, PinoLogger } from 'nestjs-pino';
import { symbols } from 'pino';
import { defineConfig } from './config/define-config.js';
import { serviceEnv } from './config/service.env.js';
import { ServiceModule } from './service.module.js';

const config = defineConfig('spec', { service: serviceEnv({ port: 0, adminPort: 0 }) });

@Module({ imports: [ServiceModule.forRoot({ config, trustInboundHeaders: true })] })
class AppModule {}

@Module({})
class BareModule {}

describe('ServiceModule', () => {
  it('tells what an application’s module has asked of it', () => {
    expect(ServiceModule.optionsOf(AppModule)).toEqual({ config, trustInboundHeaders: true });
    expect(() => ServiceModule.optionsOf(BareModule)).toThrow(
      'BareModule must import ServiceModule.forRoot({ config })',
    );
  });

  it('provides the configuration', async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
    expect(module.get(config.KEY)).toMatchObject({ service: { port: 0, host: '127.0.0.1' } });
    await module.close();
  });
});

describe('a service’s loggers', () => {
  let module: TestingModule;
  let written: string[];

  beforeEach(async () => {
    written = [];
    const stream = (logger as unknown as Record<symbol, { write(line: string): void }>)[symbols.streamSym]!;
    jest.spyOn(stream, 'write').mockImplementation((line) => written.push(line));
    module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  });
  afterEach(async () => {
    await module.close();
    jest.restoreAllMocks();
    setLogLevel('silent');
  });

  it('follow a change of the level', async () => {
    const loggers = [module.get(Logger), await module.resolve(PinoLogger)];
    for (const level of ['debug', 'error'] as const) {
      setLogLevel(level);
      for (const each of loggers) each.debug(`debug at ${level}`);
    }
    expect(written.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      'debug at debug',
      'debug at debug',
    ]);
  });

  it('tell nothing of the request that a failed call carries', async () => {
    setLogLevel('info');
    const headers = new AxiosHeaders({ authorization: 'Bearer s3cret' });
    const err = new AxiosError('Request failed', 'ERR_BAD_RESPONSE', { headers, data: '{"cardNumber":"s3cret"}' });
    (await module.resolve(PinoLogger)).error({ err }, 'failed');
    (await module.resolve(PinoLogger)).error(err, 'failed');
    module.get(Logger).error(err, 'failed');
    module.get(Logger).error({ err }, 'failed');
    expect(written).toHaveLength(4);
    for (const line of written) {
      expect(JSON.parse(line)).toMatchObject({ err: { type: 'AxiosError', code: 'ERR_BAD_RESPONSE' } });
      expect(line).not.toContain('s3cret');
    }
  });
});
