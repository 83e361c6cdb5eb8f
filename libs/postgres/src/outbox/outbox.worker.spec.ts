import { stopWorkers } from '@app/health';
import { catalogue, registry } from '@app/telemetry';
import { eventually, type PostgresServer, recordSpans, startPostgres } from '@app/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { type Kysely, sql } from 'kysely';
import { connectPostgres } from '../postgres.module.js';
import { postgresEnv } from '../postgres.options.js';
import { type OutboxOptions, outboxEnv } from './outbox.options.js';
import { addToOutbox, createOutboxTable, type OutboxEvent, type OutboxTables } from './outbox.table.js';
import { type OutboxHandler, OutboxWorker, PermanentFailureError } from './outbox.worker.js';

class Worker extends OutboxWorker {
  constructor(
    protected readonly handlers: Record<string, OutboxHandler>,
    options: Partial<OutboxOptions> = {},
  ) {
    super(db, { ...outboxEnv.parse({}), pollMs: 5, ...options });
  }
}

let server: PostgresServer;
let db: Kysely<OutboxTables>;

beforeAll(async () => {
  server = await startPostgres();
  db = connectPostgres<OutboxTables>(postgresEnv.parse({ DATABASE_URL: await server.database('spec') }));
  await createOutboxTable(db as unknown as Kysely<unknown>);
});
afterAll(async () => {
  await db.destroy();
  await server.stop();
});
beforeEach(() => sql`truncate outbox`.execute(db));
afterEach(() => {
  jest.restoreAllMocks();
});

const add = (event: Partial<OutboxEvent> = {}) =>
  db.transaction().execute((trx) => addToOutbox(trx, { topic: 'order.placed', payload: { orderId: '7' }, ...event }));
const rows = () => db.selectFrom('outbox').selectAll().orderBy('id').execute();
/** Lets time pass, for the database alone: a lease or a pause of the first row is over. */
const makeDue = () => sql`update outbox set available_at = now()`.execute(db);

/** A handler that can be held: `calls` resolve one by one, `release` lets all go on. */
function held() {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const handler: OutboxHandler = async () => {
    begun.resolve();
    await end.promise;
  };
  return { handler, begun: begun.promise, release: () => end.resolve() };
}

describe('an outbox', () => {
  it('delivers an event and forgets it', async () => {
    const delivered: unknown[] = [];
    await add();
    const worker = new Worker({ 'order.placed': async (payload) => void delivered.push(payload) });
    expect(await worker.turn()).toBe(1);
    expect(await worker.turn()).toBe(0);
    expect(delivered).toEqual([{ orderId: '7' }]);
    expect(await rows()).toEqual([]);
  });

  it('holds an event only if the transaction that wrote it commits', async () => {
    const rolledBack = db.transaction().execute(async (trx) => {
      await addToOutbox(trx, { topic: 'order.placed', payload: {} });
      throw new Error('out of stock');
    });
    await expect(rolledBack).rejects.toThrow('out of stock');
    expect(await rows()).toEqual([]);
  });

  it('delivers no event before it is due', async () => {
    await add({ delayMs: 60_000 });
    const worker = new Worker({ 'order.placed': async () => undefined });
    expect(await worker.turn()).toBe(0);
    await makeDue();
    expect(await worker.turn()).toBe(1);
  });

  it('takes up no more than a batch in one turn', async () => {
    for (let index = 0; index < 5; index += 1) await add();
    const worker = new Worker({ 'order.placed': async () => undefined }, { batchSize: 2 });
    expect([await worker.turn(), await worker.turn(), await worker.turn()]).toEqual([2, 2, 1]);
  });
});

describe('a delivery that fails', () => {
  const failing = { 'order.placed': () => Promise.reject(new Error('no broker at amqp://app:s3cret@mq')) };

  it('is repeated after a pause that doubles each time, up to its longest', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
    await add();
    const worker = new Worker(failing, { backoffBaseMs: 100_000, backoffMaxMs: 300_000 });
    const pauses: number[] = [];
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      await worker.turn();
      expect(await worker.turn()).toBe(0);
      const [row] = await db
        .selectFrom('outbox')
        .select(sql<number>`extract(epoch from available_at - now())::float8`.as('pause'))
        .execute();
      pauses.push(Math.round(row!.pause / 10) * 10);
      await makeDue();
    }
    expect(pauses).toEqual([50, 100, 150, 150]);
    expect(await rows()).toMatchObject([{ attempts: 4, parked_at: null }]);
  });

  it('is never given up', async () => {
    await add();
    await sql`update outbox set attempts = 100000`.execute(db);
    await new Worker(failing).turn();
    expect(await rows()).toMatchObject([{ attempts: 100_001, parked_at: null }]);
    await makeDue();
    await new Worker({ 'order.placed': async () => undefined }).turn();
    expect(await rows()).toEqual([]);
  });

  it('is parked when its handler declares it permanent, with its error but without passwords', async () => {
    await add();
    const permanent = () => Promise.reject(new PermanentFailureError('no broker at amqp://app:s3cret@mq'));
    const worker = new Worker({ 'order.placed': permanent });
    await worker.turn();
    await makeDue();
    expect(await worker.turn()).toBe(0);
    expect(await rows()).toMatchObject([
      {
        attempts: 1,
        parked_at: expect.any(Date),
        last_error: 'PermanentFailureError: no broker at amqp://app:[redacted]@mq',
      },
    ]);
  });

  it('is one of an unknown topic too, and waits for who knows it', async () => {
    await add({ topic: 'order.lost' });
    await new Worker({}).turn();
    expect(await rows()).toMatchObject([{ parked_at: null, last_error: 'Error: no handler for topic order.lost' }]);
  });

  it('does not disturb those beside it', async () => {
    await add();
    await add({ topic: 'order.paid' });
    await new Worker({ ...failing, 'order.paid': async () => undefined }).turn();
    expect(await rows()).toMatchObject([{ topic: 'order.placed', attempts: 1 }]);
  });

  it('is one that outlives its lease', async () => {
    await add();
    await new Worker({ 'order.placed': held().handler }, { leaseMs: 50 }).turn();
    expect(await rows()).toMatchObject([{ attempts: 1, last_error: expect.stringContaining('outlived its lease') }]);
  });
});

describe('several workers', () => {
  it('never deliver the same event at the same time', async () => {
    for (let index = 0; index < 100; index += 1) await add({ payload: { index } });
    const delivered: unknown[] = [];
    const handler: OutboxHandler = async ({ index }) => void delivered.push(index);
    const workers = [1, 2, 3].map(() => new Worker({ 'order.placed': handler }, { batchSize: 7 }));
    await Promise.all(
      workers.map(async (worker) => {
        while ((await worker.turn()) > 0);
      }),
    );
    expect(delivered).toHaveLength(100);
    expect(new Set(delivered).size).toBe(100);
  });

  it('do not wait for rows that another one is taking up', async () => {
    await add();
    const worker = new Worker({ 'order.placed': async () => undefined });
    await db.transaction().execute(async (trx) => {
      await trx.selectFrom('outbox').selectAll().forUpdate().execute();
      expect(await worker.turn()).toBe(0);
    });
    expect(await worker.turn()).toBe(1);
  });

  it('take over an event whose lease ran out, and whoever comes too late cannot acknowledge it', async () => {
    await add();
    const late = held();
    const next = held();
    const first = new Worker({ 'order.placed': late.handler }).turn();
    await late.begun;
    await makeDue();
    const second = new Worker({ 'order.placed': next.handler }).turn();
    await next.begun;

    late.release();
    await first;
    expect(await rows()).toMatchObject([{ attempts: 2, parked_at: null, last_error: null }]);
    next.release();
    await second;
    expect(await rows()).toEqual([]);
  });

  it('keep the pause and the error of the one that has the event, when a late one fails', async () => {
    await add();
    const end = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const first = new Worker({
      'order.placed': async () => {
        begun.resolve();
        await end.promise;
        throw new Error('too late');
      },
    }).turn();
    await begun.promise;
    await makeDue();
    const next = held();
    const second = new Worker({ 'order.placed': next.handler }).turn();
    await next.begun;
    end.resolve();
    await first;
    expect(await rows()).toMatchObject([{ attempts: 2, last_error: null }]);
    next.release();
    await second;
  });
});

describe('a running worker', () => {
  it('delivers what comes, and at its end waits for what is under way', async () => {
    const { handler, begun, release } = held();
    const worker = new Worker({ 'order.placed': handler, 'order.paid': async () => undefined });
    worker.onApplicationBootstrap();
    await add({ topic: 'order.paid' });
    await eventually('it is delivered', async () => (await rows()).length === 0);

    await add();
    await begun;
    let ended = false;
    const destroyed = worker.onModuleDestroy().then(() => {
      ended = true;
    });
    expect(await rows()).toHaveLength(1);
    expect(ended).toBe(false);
    release();
    await destroyed;
    expect(await rows()).toEqual([]);
  });

  it('takes up nothing once it has ended', async () => {
    const worker = new Worker({ 'order.placed': async () => undefined });
    worker.onApplicationBootstrap();
    await worker.onModuleDestroy();
    await add();
    expect(await rows()).toMatchObject([{ attempts: 0 }]);
  });
});

describe('a worker that must end at once', () => {
  it('ends the leases of what it cannot wait for: another worker delivers it, and once only', async () => {
    await add();
    const late = held();
    const first = new Worker({ 'order.placed': late.handler });
    first.onApplicationBootstrap();
    await late.begun;
    expect(await stopWorkers(AbortSignal.abort())).toEqual(['outbox']);

    const next = held();
    const second = new Worker({ 'order.placed': next.handler }).turn();
    await next.begun;
    late.release();
    next.release();
    await second;
    expect(await rows()).toEqual([]);
  });
});

describe('what can be seen of an outbox', () => {
  it('is its health: degraded while an event waits for too long, or for a person', async () => {
    const worker = () => new Worker({ 'order.placed': () => Promise.reject(new Error('no')) }, { maxAgeMs: 1_000 });
    const seen = async () => {
      const each = worker();
      await each.turn();
      return each.check();
    };
    expect(await seen()).toEqual({ status: 'ok' });
    await add();
    expect(await seen()).toEqual({ status: 'ok' });
    await sql`update outbox set available_at = now() - interval '1 hour'`.execute(db);
    expect(await seen()).toEqual({ status: 'degraded', reason: 'backlog' });
    await sql`update outbox set available_at = now() + interval '1 hour', parked_at = now()`.execute(db);
    expect(await seen()).toEqual({ status: 'degraded', reason: 'backlog' });
  });

  it('are deliveries, linked to the trace that wrote the event', async () => {
    const recorded = await recordSpans();
    const writer = trace.getTracer('spec').startActiveSpan('POST /orders', async (span) => {
      await add();
      span.end();
      return span.spanContext();
    });
    const { traceId, spanId } = await writer;
    const worker = new Worker({ 'order.placed': () => Promise.reject(new Error('no broker')) });
    await trace.getTracer('spec').startActiveSpan('whatever runs the worker', () => worker.turn());

    const span = recorded.getFinishedSpans().find(({ name }) => name === 'process order.placed');
    expect(span).toMatchObject({
      kind: SpanKind.CONSUMER,
      links: [{ context: { traceId, spanId } }],
      status: { code: SpanStatusCode.ERROR },
      events: [{ name: 'exception' }],
    });
    expect(span?.parentSpanContext).toBeUndefined();
    expect(span?.spanContext().traceId).not.toBe(traceId);
  });

  it('are counts by topic and outcome, and the backlog', async () => {
    registry.clear();
    for (const topic of ['order.paid', 'order.placed', 'order.declined']) await add({ topic });
    const handlers = {
      'order.paid': async () => undefined,
      'order.placed': () => Promise.reject(new Error('no')),
      'order.declined': () => Promise.reject(new PermanentFailureError('never')),
    };
    await new Worker(handlers).turn();
    await sql`update outbox set available_at = now() - interval '1 hour'`.execute(db);
    await new Worker(handlers).turn();

    const told = (await registry.metrics()).match(/^outbox_.*$/gm) ?? [];
    expect(told.filter((line) => !line.startsWith('outbox_oldest')).sort()).toEqual([
      'outbox_deliveries_total{topic="order.declined",outcome="parked"} 1',
      'outbox_deliveries_total{topic="order.paid",outcome="delivered"} 1',
      'outbox_deliveries_total{topic="order.placed",outcome="retried"} 2',
      'outbox_failing_events 1',
      'outbox_parked_events 1',
      'outbox_pending_events 1',
    ]);
    const oldest = told.find((line) => line.startsWith(catalogue.outboxOldestAge.name));
    expect(Number(oldest?.split(' ')[1])).toBeGreaterThanOrEqual(3_600);
  });
});

describe('outboxEnv', () => {
  it('names the options that contradict each other', () => {
    expect(outboxEnv.safeParse({ OUTBOX_MAX_SILENCE_MS: '1000' }).error?.message).toContain(
      'OUTBOX_MAX_SILENCE_MS (1000) must exceed OUTBOX_LEASE_MS (30000) and OUTBOX_POLL_MS (500)',
    );
  });
});
