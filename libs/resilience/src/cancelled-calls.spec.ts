import { getEventListeners, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Deadline, runWithDeadline } from './deadline/deadline.js';
import { HttpClient } from './http/http-client.js';
import { Pipeline } from './pipeline/pipeline.policy.js';
import { timers } from './timers/timer-queue.js';

const calls = 10_000;
/** What may stay of a call: far less than any object that it is made of. */
const leftBytes = 40;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

describe('10,000 calls at once that are all cancelled', () => {
  const server = createServer(() => undefined);
  const bulkhead = { maxConcurrent: 50, maxQueued: calls };
  let http: HttpClient;

  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    http = new HttpClient('payments', { baseUrl: `http://127.0.0.1:${port}`, bulkhead, maxConnections: 20 });
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await http.close();
  });

  const work = ({ signal }: { signal: AbortSignal }) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const free = new Pipeline('redis', { bulkhead: false });
  const queueing = new Pipeline('redis', { bulkhead });

  async function cancelled(call: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    const caller = new AbortController();
    const request = new Deadline(60_000, 'request');
    const codes = runWithDeadline(request, () =>
      Array.from({ length: calls }, () => call(caller.signal).catch((error) => error.code)),
    );
    await new Promise(setImmediate);
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(calls);
    caller.abort();
    expect(new Set(await Promise.all(codes))).toEqual(new Set(['cancelled']));
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
    expect(getEventListeners(request.signal, 'abort')).toEqual([]);
    request.end();
  }

  async function heapAfter(call: (signal: AbortSignal) => Promise<unknown>): Promise<number> {
    await cancelled(call);
    await new Promise(setImmediate);
    collect();
    return process.memoryUsage().heapUsed;
  }

  it.each([
    ['through a pipeline', (signal: AbortSignal) => free.execute(work, { signal })],
    ['in the queue of a bulkhead', (signal: AbortSignal) => queueing.execute(work, { signal })],
    ['over HTTP', (signal: AbortSignal) => http.get('/', { signal })],
  ])('%s leave no timer, no listener and no memory behind', async (_where, call) => {
    await heapAfter(call);
    const before = await heapAfter(call);
    const after = await heapAfter(call);
    expect(timers.size).toBe(0);
    expect([queueing.bulkhead, http.bulkhead].map((each) => [each?.inUse, each?.queued])).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect((after - before) / calls).toBeLessThan(leftBytes);
  });
});
