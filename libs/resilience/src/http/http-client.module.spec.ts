import 'reflect-metadata';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Global, Injectable, Module, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { type ResilienceEvent, ResilienceEvents } from '../events/resilience.events.js';
import { HttpClient } from './http-client.js';
import { HttpClientModule } from './http-client.module.js';

@Injectable()
class Payments {
  constructor(readonly http: HttpClient) {}
}
@Injectable()
class PaymentsClient extends Payments {}
@Injectable()
class CreditCardClient extends Payments {}
@Injectable()
class S3Client extends Payments {}

const events: ResilienceEvent[] = [];

@Global()
@Module({
  providers: [{ provide: ResilienceEvents, useValue: { emit: (event: ResilienceEvent) => events.push(event) } }],
  exports: [ResilienceEvents],
})
class EventsModule {}

describe('HttpClientModule', () => {
  let server: Server;
  let baseUrl: string;

  beforeEach(async () => {
    events.length = 0;
    server = createServer((request, response) => response.end(request.url)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const clientOf = (client: Type, path = '') =>
    HttpClientModule.registerAsync({
      client,
      inject: ['CONFIG'],
      useFactory: ({ url }: { url: string }) => ({ baseUrl: url + path }),
    });

  @Global()
  @Module({ providers: [{ provide: 'CONFIG', useFactory: () => ({ url: baseUrl }) }], exports: ['CONFIG'] })
  class ConfigModule {}

  it.each([
    [PaymentsClient, 'payments'],
    [CreditCardClient, 'credit-card'],
    [S3Client, 's3'],
    [Payments, 'payments'],
  ])('gives %p an HttpClient, named after it', async (client, name) => {
    const module = await Test.createTestingModule({
      imports: [ConfigModule, EventsModule, clientOf(client)],
    }).compile();
    const { data } = await module.get<Payments>(client).http.get('/products');
    expect(data).toBe('/products');
    expect(events).toMatchObject([
      { type: 'attempt', client: name, statusCode: 200 },
      { type: 'call', client: name, outcome: 'success' },
    ]);
    await module.close();
  });

  it('gives each typed client an HttpClient of its own', async () => {
    const imports = [ConfigModule, clientOf(PaymentsClient, '/payments'), clientOf(CreditCardClient, '/cards')];
    const module = await Test.createTestingModule({ imports }).compile();
    expect((await module.get(PaymentsClient).http.get('/1')).data).toBe('/payments/1');
    expect((await module.get(CreditCardClient).http.get('/1')).data).toBe('/cards/1');
    await module.close();
  });

  it('works where nobody listens to its events', async () => {
    const module = await Test.createTestingModule({ imports: [ConfigModule, clientOf(PaymentsClient)] }).compile();
    expect((await module.get(PaymentsClient).http.get('/products')).status).toBe(200);
    await module.close();
  });

  it('closes the connections with the application', async () => {
    const connected = once(server, 'connection');
    const module = await Test.createTestingModule({ imports: [ConfigModule, clientOf(PaymentsClient)] }).compile();
    await module.init();
    await module.get(PaymentsClient).http.get('/products');
    const [socket] = await connected;
    await Promise.all([once(socket, 'close'), module.close()]);
  });
});
