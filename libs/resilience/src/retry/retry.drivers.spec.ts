import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HttpClient } from '../http/http-client.js';
import { Pipeline } from '../pipeline/pipeline.policy.js';

interface Case {
  what: string;
  /** Statuses of the answers, one after the other; the last one goes on. */
  answers: number[];
  repeatable: boolean;
  overloaded?: boolean;
  retryAfterSeconds?: number;
  calls: number;
  succeeds: boolean;
}

const cases: Case[] = [
  { what: 'what succeeds is called once', answers: [200], repeatable: true, calls: 1, succeeds: true },
  { what: 'what passes is repeated', answers: [503, 200], repeatable: true, calls: 2, succeeds: true },
  { what: 'every passing failure is', answers: [429, 502, 200], repeatable: true, calls: 3, succeeds: true },
  { what: 'what stays is given up at the limit', answers: [503], repeatable: true, calls: 3, succeeds: false },
  { what: 'a refusal is not repeated', answers: [400, 200], repeatable: true, calls: 1, succeeds: false },
  { what: 'a bug is not repeated', answers: [500, 200], repeatable: true, calls: 1, succeeds: false },
  { what: 'a write without a key is not repeated', answers: [503, 200], repeatable: false, calls: 1, succeeds: false },
  {
    what: 'what a tier below gave up is final',
    answers: [503, 200],
    repeatable: true,
    overloaded: true,
    calls: 1,
    succeeds: false,
  },
  {
    what: 'a pause that is asked for is kept',
    answers: [503, 200],
    repeatable: true,
    retryAfterSeconds: 0,
    calls: 2,
    succeeds: true,
  },
  {
    what: 'a pause beyond the cap is not waited for',
    answers: [503, 200],
    repeatable: true,
    retryAfterSeconds: 60,
    calls: 1,
    succeeds: false,
  },
];

const options = { maxRetries: 2, baseDelayMs: 1, maxDelayMs: 2 };

describe('the two drivers of the retry rules', () => {
  let server: Server;
  let current: Case;
  let calls: number;

  beforeAll(async () => {
    server = createServer((request, response) => {
      request.resume();
      const status = current.answers[Math.min(calls++, current.answers.length - 1)] ?? 200;
      if (current.overloaded) response.setHeader('x-envoy-overloaded', 'true');
      if (current.retryAfterSeconds !== undefined) response.setHeader('retry-after', current.retryAfterSeconds);
      response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterAll(() => {
    server.close();
  });

  async function withAxios({ repeatable }: Case): Promise<void> {
    const { port } = server.address() as { port: number };
    const client = new HttpClient('drill', { baseUrl: `http://127.0.0.1:${port}`, retry: options });
    try {
      await (repeatable ? client.get('/') : client.post('/', {}));
    } finally {
      await client.close();
    }
  }

  async function withPipeline({ answers, repeatable, overloaded = false, retryAfterSeconds }: Case): Promise<void> {
    const transient = [408, 429, 502, 503, 504];
    const isTransient = (error: unknown) => transient.includes((error as { status: number }).status);
    const answer = async () => {
      const status = answers[Math.min(calls++, answers.length - 1)] ?? 200;
      const retryAfterMs = retryAfterSeconds === undefined ? undefined : retryAfterSeconds * 1_000;
      if (status !== 200) throw Object.assign(new Error(String(status)), { status, overloaded, retryAfterMs });
    };
    await new Pipeline('drill', { retry: options }).execute(answer, { repeatable, isTransient });
  }

  describe.each([
    { driver: 'axios-retry', run: withAxios },
    { driver: 'a pipeline', run: withPipeline },
  ])('$driver', ({ run }) => {
    it.each(cases)('$what', async (one) => {
      current = one;
      calls = 0;
      const succeeded = await run(one).then(
        () => true,
        () => false,
      );
      expect({ succeeded, calls }).toEqual({ succeeded: one.succeeds, calls: one.calls });
    });
  });
});
