import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpClient, HttpClientModule, type HttpClientOptions } from '@app/resilience';
import { defineConfig, type RunningService, runService, ServiceModule, serviceEnv, stopService } from '@app/service';
import { setLogLevel } from '@app/telemetry';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Injectable, Module } from '@nestjs/common';
import axios from 'axios';
import axiosRetry from 'axios-retry';

/** Calls that a tier got, and what it sent on. */
interface Tier {
  service: RunningService;
  url: string;
  client: HttpClient;
  calls: number;
}

const budget = { ratio: 0.1, perSecond: 1, burst: 10 };

function listen(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as { port: number }).port}`));
  });
}

describe('retries over three tiers', () => {
  let leaf: Server;
  let leafUrl: string;
  let leafRequests = 0;
  let failing: () => boolean;
  let failure: number;
  const tiers: Tier[] = [];

  beforeEach(async () => {
    setLogLevel('silent');
    leafRequests = 0;
    failure = 503;
    leaf = createServer((request, response) => {
      leafRequests += 1;
      request.resume();
      response.writeHead(failing() ? failure : 200, { 'content-type': 'application/json' }).end('{}');
    });
    leafUrl = await listen(leaf);
  });

  afterEach(async () => {
    for (const { service } of tiers.splice(0).reverse()) await stopService(service);
    leaf.closeAllConnections();
    leaf.close();
  });

  /** A real service that does nothing but ask the next one. */
  async function addTier(name: string, next: string, options: Partial<HttpClientOptions>): Promise<string> {
    const config = defineConfig(name, { service: serviceEnv({ port: 0, adminPort: 0 }) });
    const tier = { calls: 0 } as Tier;

    @Injectable()
    class NextClient {
      constructor(readonly http: HttpClient) {
        tier.client = http;
      }
    }

    @Controller()
    class TierController {
      constructor(@Inject(NextClient) private readonly next: NextClient) {}

      @Get()
      async ask() {
        tier.calls += 1;
        return (await this.next.http.get('/')).data;
      }
    }

    @Module({
      imports: [
        ServiceModule.forRoot({ config, trustInboundHeaders: true }),
        HttpClientModule.registerAsync({ client: NextClient, useFactory: () => ({ baseUrl: next, ...options }) }),
      ],
      controllers: [TierController],
    })
    class TierModule {}

    tier.service = await runService(TierModule);
    tier.url = await tier.service.app.getUrl();
    tiers.push(tier);
    return tier.url;
  }

  async function addTiers(options: Partial<HttpClientOptions>): Promise<string> {
    const middle = await addTier('middle', leafUrl, options);
    return addTier('edge', middle, options);
  }

  async function ask(url: string, count: number, perSecond: number): Promise<void> {
    const answers: Promise<unknown>[] = [];
    for (let sent = 0; sent < count; sent += perSecond / 50) {
      for (let burst = 0; burst < perSecond / 50; burst++)
        answers.push(fetch(url).then((response) => response.arrayBuffer()));
      await sleep(20);
    }
    await Promise.all(answers);
  }

  it('reach a dead leaf fewer times than there were requests', async () => {
    failing = () => true;
    const edge = await addTiers({});
    await ask(edge, 1_000, 500);
    const protectedAttempts = leafRequests;

    // The same chain as it is mostly built: axios-retry with its own rules at each tier.
    const unprotected = (next: string) => {
      const client = axios.create({ baseURL: next });
      axiosRetry(client, { retries: 2, retryDelay: () => 1 });
      return createServer((_request, response) => {
        client.get('/').then(
          () => response.end(),
          () => response.writeHead(503).end(),
        );
      });
    };
    leafRequests = 0;
    const middle = unprotected(leafUrl);
    const top = unprotected(await listen(middle));
    await ask(await listen(top), 100, 500);
    for (const server of [top, middle]) server.closeAllConnections();
    for (const server of [top, middle]) server.close();

    process.stdout.write(
      `a dead leaf got ${protectedAttempts} attempts of 1,000 requests; unprotected ${leafRequests} of 100\n`,
    );
    expect(protectedAttempts).toBeLessThan(1_000);
    expect(leafRequests).toBe(900);
  });

  it('are none where the leaf has a bug: what the last tier declines to repeat, no other tier repeats', async () => {
    failing = () => true;
    failure = 500;
    const edge = await addTiers({ circuitBreaker: false });
    await ask(edge, 100, 500);
    expect(leafRequests).toBe(100);
  });

  it('stay within the budget at each tier while the leaf fails now and then, and only the last tier retries', async () => {
    let count = 0;
    failing = () => count++ % 5 < 2;
    const edge = await addTiers({ circuitBreaker: false });
    const startedAt = Date.now();
    await ask(edge, 1_500, 500);
    const seconds = (Date.now() - startedAt) / 1_000;
    const [middle, top] = tiers as [Tier, Tier];
    const bound = (calls: number) => calls * (1 + budget.ratio) + budget.perSecond * seconds + budget.burst;

    process.stdout.write(
      `edge ${top.calls} calls, middle ${middle.calls}, leaf ${leafRequests} attempts in ${seconds.toFixed(1)} s\n`,
    );
    expect(middle.calls).toBe(top.calls);
    expect(leafRequests).toBeGreaterThan(middle.calls);
    expect(leafRequests).toBeLessThanOrEqual(bound(middle.calls));
  });
});
