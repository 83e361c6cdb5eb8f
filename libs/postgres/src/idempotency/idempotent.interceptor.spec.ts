import 'reflect-metadata';
import { Deadline, runWithDeadline } from '@app/resilience';
import { registry } from '@app/telemetry';
import { eventually, type PostgresServer, startPostgres } from '@app/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type ArgumentsHost, Body, Controller, HttpCode, Post } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { Kysely, sql } from 'kysely';
import { connectPostgres, PostgresModule } from '../postgres.module.js';
import { postgresEnv } from '../postgres.options.js';
import { IdempotencyModule } from './idempotency.module.js';
import { type IdempotencyOptions, idempotencyEnv } from './idempotency.options.js';
import { IdempotencyStore } from './idempotency.store.js';
import { createIdempotencyTable, type IdempotencyTables } from './idempotency.table.js';
import { Idempotent } from './idempotent.interceptor.js';

type Tables = IdempotencyTables & { charges: { amount: number } };
type Charge = { amount: number; note?: string };

/** What a handler does after it has written its charge. */
let afterwards: () => Promise<void>;

@Controller()
class Charges {
  constructor(private readonly db: Kysely<Tables>) {}

  @Post(['charges', 'charges/:id'])
  @Idempotent()
  @HttpCode(202)
  async charge(@Body() { amount }: Charge) {
    await this.db.insertInto('charges').values({ amount }).execute();
    await afterwards();
    return { zebra: Math.random(), amount, at: new Date() };
  }

  @Post('refunds')
  @Idempotent()
  async refund(@Body() { amount }: Charge) {
    await this.db.insertInto('charges').values({ amount: -amount }).execute();
  }

  @Post('tenants')
  @Idempotent({ caller: ({ headers }) => String(headers['x-tenant']) })
  tenant() {
    return { random: Math.random() };
  }
}

let server: PostgresServer;
const apps: NestFastifyApplication[] = [];
let db: Kysely<Tables>;

async function start(options: Partial<IdempotencyOptions> = {}): Promise<NestFastifyApplication> {
  const useFactory = () => ({ ...idempotencyEnv().parse({}), ...options });
  const database = postgresEnv.parse({ DATABASE_URL: `${server.url}/spec`, DATABASE_POOL_MAX: '2' });
  const imports = [
    PostgresModule.registerAsync({ useFactory: () => database, requiresTable: 'idempotency_keys' }),
    IdempotencyModule.registerAsync({ useFactory }),
  ];
  const module = await Test.createTestingModule({ imports, controllers: [Charges] }).compile();
  const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
  app.useGlobalFilters({
    catch: ({ code, message, retryAfterMs }: Error & { code?: string; retryAfterMs?: number }, host: ArgumentsHost) =>
      host.switchToHttp().getResponse().status(400).send({ code, message, retryAfterMs }),
  });
  await app.init();
  apps.push(app);
  return app;
}

let app: NestFastifyApplication;

beforeAll(async () => {
  server = await startPostgres();
  await server.database('spec');
  await server.query('spec', 'create table charges (amount int)');
  const setup = connectPostgres<unknown>(postgresEnv.parse({ DATABASE_URL: `${server.url}/spec` }));
  await createIdempotencyTable(setup);
  await setup.destroy();
  app = await start();
  db = app.get<Kysely<Tables>>(Kysely);
});
afterAll(async () => {
  for (const each of apps) await each.close();
  await server.stop();
});
beforeEach(async () => {
  afterwards = async () => undefined;
  await sql`truncate charges, idempotency_keys`.execute(db);
});

interface Sent {
  url?: string;
  key?: string;
  to?: NestFastifyApplication;
  headers?: Record<string, string>;
}

async function post(payload: object, { url = '/charges', key = 'k1', to = app, headers }: Sent = {}) {
  const { statusCode, body } = await to.inject({
    method: 'POST',
    url,
    payload,
    headers: { 'idempotency-key': key, ...headers },
  });
  return { statusCode, body };
}

const charges = () => server.query<{ amount: number }>('spec', 'select amount from charges order by amount');
const refusal = async (answer: ReturnType<typeof post>) => JSON.parse((await answer).body);

/** Nobody waits for a test that failed. */
let release: () => void = () => undefined;
afterEach(() => release());

/** Handlers stop once they have written their charge: `begun` is the first of them, `release` lets all go on. */
function hold() {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  afterwards = () => {
    begun.resolve();
    return end.promise;
  };
  release = end.resolve;
  return { begun: begun.promise, release, fail: () => end.reject(new Error('no')) };
}

describe('a key that was answered', () => {
  it('gives its first answer again, status and body to the byte, without the handler', async () => {
    const first = await post({ amount: 5 });
    expect(first.statusCode).toBe(202);
    expect(await post({ amount: 5 })).toEqual(first);
    expect(await charges()).toEqual([{ amount: 5 }]);
  });

  it('does so for an empty answer too', async () => {
    const first = await post({ amount: 5 }, { url: '/refunds' });
    expect(first).toEqual({ statusCode: 201, body: '' });
    expect(await post({ amount: 5 }, { url: '/refunds' })).toEqual(first);
    expect(await charges()).toEqual([{ amount: -5 }]);
  });

  it('does not mind in which order the members of the body stand', async () => {
    const first = await post({ amount: 5, note: 'x', deep: [{ a: 1, b: 2 }] });
    expect(await post({ deep: [{ b: 2, a: 1 }], note: 'x', amount: 5 })).toEqual(first);
  });

  it.each([
    ['body', { amount: 6 }, {}],
    ['path', { amount: 5 }, { url: '/charges?dry=true' }],
  ] as const)('is refused to a request with another %s', async (_what, body, sent) => {
    await post({ amount: 5 });
    expect(await refusal(post(body, sent))).toMatchObject({ code: 'idempotency_key_reused' });
    expect(await charges()).toEqual([{ amount: 5 }]);
  });

  it.each([
    ['route', { url: '/refunds' }],
    ['route template', { url: '/charges/1' }],
    ['caller', { headers: { authorization: 'Bearer other' } }],
    ['key', { key: 'k2' }],
  ] as const)('is another one for another %s', async (_what, sent) => {
    await post({ amount: 5 });
    expect((await post({ amount: 7 }, sent)).statusCode).toBeLessThan(300);
    expect(await charges()).toHaveLength(2);
  });

  it('belongs to whom the handler takes for the caller, and no secret is stored', async () => {
    const of = (tenant: string) => post({}, { url: '/tenants', headers: { 'x-tenant': tenant } });
    const first = await of('a');
    expect(await of('a')).toEqual(first);
    expect(await of('b')).not.toEqual(first);
    await post({ amount: 5 }, { headers: { authorization: 'Bearer hush' } });
    const callers = await server.query('spec', 'select caller from idempotency_keys order by length(caller), caller');
    expect(callers).toEqual([{ caller: 'a' }, { caller: 'b' }, { caller: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
  });

  it('is forgotten when it has expired', async () => {
    const first = await post({ amount: 5 });
    await sql`update idempotency_keys set expires_at = now()`.execute(db);
    expect((await post({ amount: 6 })).statusCode).toBe(202);
    expect(await post({ amount: 5 })).not.toEqual(first);
    expect(await charges()).toEqual([{ amount: 5 }, { amount: 6 }]);
  });

  it('is swept only when it has expired, a batch at a time', async () => {
    await post({ amount: 5 });
    await sql`insert into idempotency_keys select 'POST /old', '', i, '', now() from generate_series(1, 1500) i`.execute(
      db,
    );
    const store = app.get(IdempotencyStore);
    expect([await store.sweep(), await store.sweep(), await store.sweep()]).toEqual([1_000, 500, 0]);
    expect(await server.query('spec', 'select key from idempotency_keys')).toEqual([{ key: 'k1' }]);
  });
});

describe('a request that fails', () => {
  it('leaves nothing behind, its key neither, and the next one runs anew', async () => {
    afterwards = () => Promise.reject(new Error('no'));
    expect(await refusal(post({ amount: 5 }))).toMatchObject({ message: 'no' });
    expect(await server.query('spec', 'select from charges, idempotency_keys')).toEqual([]);
    afterwards = async () => undefined;
    expect((await post({ amount: 6 })).statusCode).toBe(202);
    expect(await charges()).toEqual([{ amount: 6 }]);
  });

  it('has charged nobody when its connection goes between the effect and the answer', async () => {
    afterwards = async () => {
      await sql`select pg_terminate_backend(pg_backend_pid())`.execute(db).catch(() => undefined);
    };
    expect((await post({ amount: 5 })).statusCode).toBe(400);
    afterwards = async () => undefined;
    expect((await post({ amount: 5 })).statusCode).toBe(202);
    expect(await charges()).toEqual([{ amount: 5 }]);
  });

  it('has charged nobody when its deadline has passed before the answer', async () => {
    const deadline = new Deadline(100, 'request');
    afterwards = () => new Promise((resolve) => deadline.signal.addEventListener('abort', () => resolve()));
    expect(await refusal(runWithDeadline(deadline, () => post({ amount: 5 })))).toMatchObject({
      code: 'deadline_exceeded',
    });
    expect(await charges()).toEqual([]);
  });

  it.each([
    ['', 'idempotency_key_invalid'],
    ['a b', 'idempotency_key_invalid'],
  ])('never starts with the key %p', async (key, code) => {
    expect(await refusal(post({ amount: 5 }, { key }))).toMatchObject({ code });
    expect(await charges()).toEqual([]);
  });

  it('never starts without a key', async () => {
    const { body } = await app.inject({ method: 'POST', url: '/charges', payload: { amount: 5 } });
    expect(JSON.parse(body)).toMatchObject({ code: 'idempotency_key_missing' });
  });
});

describe('twins', () => {
  it('get one answer, however many they are, and take one connection of an instance while they wait', async () => {
    const { begun, release } = hold();
    const answers = Array.from({ length: 20 }, () => post({ amount: 5 }));
    await begun;
    const busy = `select from pg_stat_activity where datname = 'spec' and application_name <> '' and state <> 'idle' and pid <> pg_backend_pid()`;
    expect(await server.query('spec', busy)).toHaveLength(1);
    release();
    expect(new Set((await Promise.all(answers)).map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await charges()).toEqual([{ amount: 5 }]);
  });

  describe('of another instance', () => {
    let other: NestFastifyApplication;
    beforeAll(async () => {
      other = await start({ waitMs: 60_000 });
    });

    const waits = () =>
      eventually('the twin waits', async () => {
        const query = `select from pg_stat_activity where datname = 'spec' and wait_event_type = 'Lock'`;
        return (await server.query('spec', query)).length > 0;
      });

    it('wait for the first answer and get it', async () => {
      const { begun, release } = hold();
      const first = post({ amount: 5 });
      await begun;
      const twin = post({ amount: 5 }, { to: other });
      await waits();
      release();
      expect(await twin).toEqual(await first);
      expect(await charges()).toEqual([{ amount: 5 }]);
    });

    it('do the work when the first one fails', async () => {
      const { begun, fail } = hold();
      const first = post({ amount: 5 });
      await begun;
      const twin = post({ amount: 5 }, { to: other });
      await waits();
      afterwards = async () => undefined;
      fail();
      expect([(await first).statusCode, (await twin).statusCode]).toEqual([400, 202]);
      expect(await charges()).toEqual([{ amount: 5 }]);
    });

    it('say in time before their deadline that they waited in vain', async () => {
      const { begun, release } = hold();
      const first = post({ amount: 5 });
      await begun;
      const deadline = new Deadline(1_000, 'request');
      const twin = runWithDeadline(deadline, () => post({ amount: 5 }, { to: other }));
      expect(await refusal(twin)).toMatchObject({ code: 'idempotency_key_busy', retryAfterMs: expect.any(Number) });
      deadline.end();
      release();
      expect((await first).statusCode).toBe(202);
    });
  });

  it.each([
    ['the same', 0],
    ['another', 1],
  ])('wait no longer than they may for one of %s instance, and get its answer later', async (_which, index) => {
    const impatient = [await start({ waitMs: 50 }), await start({ waitMs: 50 })] as const;
    const { begun, release } = hold();
    const first = post({ amount: 5 }, { to: impatient[0] });
    await begun;
    expect(await refusal(post({ amount: 5 }, { to: impatient[index] }))).toMatchObject({
      code: 'idempotency_key_busy',
      retryAfterMs: 1_000,
    });
    release();
    expect(await post({ amount: 5 }, { to: impatient[index] })).toEqual(await first);
    expect(await charges()).toEqual([{ amount: 5 }]);
  });

  it('bound no other wait of the handler', async () => {
    let bound: unknown;
    afterwards = async () => {
      bound = (await sql`show lock_timeout`.execute(db)).rows[0];
    };
    await post({ amount: 5 });
    expect(bound).toEqual({ lock_timeout: '0' });
  });
});

it('counts what became of requests, by route', async () => {
  registry.resetMetrics();
  const impatient = await start({ waitMs: 50 });
  const { begun, release } = hold();
  const first = post({ amount: 5 });
  await begun;
  await post({ amount: 5 }, { to: impatient });
  release();
  await first;
  await post({ amount: 5 });
  await post({ amount: 6 });
  expect((await registry.metrics()).match(/^idempotent_requests_total.*$/gm)?.sort()).toEqual([
    'idempotent_requests_total{route="POST /charges",outcome="busy"} 1',
    'idempotent_requests_total{route="POST /charges",outcome="first"} 1',
    'idempotent_requests_total{route="POST /charges",outcome="mismatch"} 1',
    'idempotent_requests_total{route="POST /charges",outcome="replayed"} 1',
  ]);
});
