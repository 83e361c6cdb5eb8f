import { HealthCheck, type HealthResult, WorkerLoop } from '@app/health';
import { Deadline, runWithDeadline } from '@app/resilience';
import { catalogue, counter, gauge, logger, redactCredentials } from '@app/telemetry';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { OutboxOptions } from './outbox.options.js';
import type { OutboxTable, OutboxTables } from './outbox.table.js';

type Row = Selectable<OutboxTable>;

/** Delivers one event. It may be called again with the same event, so it must not mind; it fails by throwing, and is called again later. */
export type OutboxHandler = (payload: Record<string, unknown>) => Promise<void>;

/** Thrown by a handler for an event that no repetition can deliver. The event is parked and waits for a person. */
export class PermanentFailureError extends Error {
  override readonly name = 'PermanentFailureError';
}

const backlogEveryMs = 5_000;

/**
 * Delivers the rows of the outbox to their handlers: at least once, none lost, by as many instances at a time as there are.
 *
 * A row is claimed with a lease and the claim committed, so that no transaction is open while a handler runs. A failed delivery is
 * repeated with exponential backoff and full jitter until it succeeds, or until its handler throws {@link PermanentFailureError}: then the
 * row is parked. Rows of one turn are delivered side by side, so there is no order among them.
 */
@Injectable()
@HealthCheck({ name: 'outbox' })
export abstract class OutboxWorker implements OnApplicationBootstrap, OnModuleDestroy {
  /** What to do with each topic. A row of an unknown topic fails until there is a handler for it, such as that of a newer release. */
  protected abstract readonly handlers: Record<string, OutboxHandler>;

  private readonly log = logger.child({ context: 'Outbox' });
  private readonly tracer = trace.getTracer('@app/postgres');
  private readonly deliveries = counter(catalogue.outboxDeliveries);
  private readonly loop: WorkerLoop;
  private readonly underway = new Set<Row>();
  private backlog = { measuredAt: -Infinity, ageMs: 0, parked: 0 };

  constructor(
    private readonly db: Kysely<OutboxTables>,
    private readonly options: OutboxOptions,
  ) {
    this.loop = new WorkerLoop('outbox', {
      maxSilenceMs: options.maxSilenceMs,
      pauseMs: options.pollMs,
      turn: async () => (await this.turn()) === options.batchSize,
      release: () => this.release(),
    });
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  /** Takes up nothing more and waits for the deliveries under way. */
  async onModuleDestroy(): Promise<void> {
    await this.loop.stop();
  }

  /** Whether events wait for too long, or for a person, as the worker last saw it. */
  check(): HealthResult {
    const { ageMs, parked } = this.backlog;
    return parked > 0 || ageMs > this.options.maxAgeMs ? { status: 'degraded', reason: 'backlog' } : { status: 'ok' };
  }

  /** Claims a batch, delivers it, and says how many rows it was. */
  async turn(): Promise<number> {
    await this.within(() => this.measureBacklog()).catch((error) =>
      this.log.warn({ err: error }, 'the backlog cannot be measured'),
    );
    const rows = await this.within(() => this.claim());
    await Promise.all(rows.map((row) => this.deliver(row)));
    return rows.length;
  }

  private claim(): Promise<Row[]> {
    const { batchSize, leaseMs } = this.options;
    return (
      this.db
        // Materialized, or a plan may run the subquery more than once and claim more than a batch.
        .with(
          (cte) => cte('due').materialized(),
          (db) =>
            db
              .selectFrom('outbox')
              .select('id')
              .where('parked_at', 'is', null)
              .where('available_at', '<=', sql<Date>`now()`)
              .orderBy('available_at')
              .limit(batchSize)
              .forUpdate()
              .skipLocked(),
        )
        .updateTable('outbox')
        .from('due')
        .whereRef('outbox.id', '=', 'due.id')
        .set({ attempts: sql`outbox.attempts + 1`, available_at: inMs(leaseMs) })
        .returningAll('outbox')
        .execute()
    );
  }

  private deliver(row: Row): Promise<void> {
    const { topic, attempts } = row;
    const writer = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, { traceparent: row.traceparent ?? '' }));
    const attributes = {
      'messaging.system': 'outbox',
      'messaging.operation.type': 'process',
      'messaging.destination.name': topic,
      'messaging.message.id': String(row.id),
    };
    const options = { kind: SpanKind.CONSUMER, attributes, links: writer && [{ context: writer }] };
    return this.tracer.startActiveSpan(`process ${topic}`, options, ROOT_CONTEXT, async (span) => {
      this.underway.add(row);
      try {
        await this.within(() => this.handle(row));
        if (!(await this.within(() => this.acknowledge(row))))
          throw new Error('the delivery outlived its lease; another worker has the event');
        this.deliveries.inc({ topic, outcome: 'delivered' });
        this.log.info({ topic, event: row.id, attempts }, 'event delivered');
      } catch (error) {
        span.recordException(error as Error);
        span.setStatus({ code: SpanStatusCode.ERROR });
        await this.within(() => this.giveBack(row, error)).catch((lost) => {
          // The lease gives the row back when it ends.
          this.log.warn({ err: lost, topic, event: row.id }, 'a failed delivery cannot be recorded');
        });
      } finally {
        this.underway.delete(row);
        span.end();
      }
    });
  }

  /** No wait of the worker is longer than a lease, whatever the pool or a handler allows: one that is frozen shows by its silence. */
  private async within<T>(work: () => Promise<T>): Promise<T> {
    const deadline = new Deadline(this.options.leaseMs, 'outbox');
    const over = Promise.withResolvers<never>();
    deadline.signal.addEventListener('abort', () => over.reject(new Error('it outlived its lease')));
    try {
      return await Promise.race([runWithDeadline(deadline, work), over.promise]);
    } finally {
      deadline.end();
      this.loop.beat();
    }
  }

  private async handle({ topic, payload }: Row): Promise<void> {
    const handler = this.handlers[topic];
    if (!handler) throw new Error(`no handler for topic ${topic}`);
    await handler(payload);
  }

  /** @returns whether the row was still ours */
  private async acknowledge({ id, attempts }: Row): Promise<boolean> {
    const { numDeletedRows } = await this.db
      .deleteFrom('outbox')
      .where('id', '=', id)
      .where('attempts', '=', attempts)
      .executeTakeFirstOrThrow();
    return numDeletedRows > 0n;
  }

  private async giveBack({ id, topic, attempts }: Row, error: unknown): Promise<void> {
    const parked = error instanceof PermanentFailureError;
    await this.db
      .updateTable('outbox')
      .set({
        last_error: redactCredentials(String(error)).slice(0, 500),
        ...(parked ? { parked_at: sql<Date>`now()` } : { available_at: inMs(this.backoffMs(attempts)) }),
      })
      .where('id', '=', id)
      .where('attempts', '=', attempts)
      .execute();
    this.deliveries.inc({ topic, outcome: parked ? 'parked' : 'retried' });
    this.log[parked ? 'error' : 'warn'](
      { err: error, topic, event: id, attempts },
      parked ? 'event parked' : 'delivery failed',
    );
  }

  /** Ends the leases of deliveries that this process cannot wait for, so that another worker takes them up at once. */
  private async release(): Promise<void> {
    for (const { id, attempts } of this.underway) {
      await this.within(() =>
        this.db
          .updateTable('outbox')
          .set({ available_at: sql<Date>`now()` })
          .where('id', '=', id)
          .where('attempts', '=', attempts)
          .execute(),
      );
    }
  }

  /** Full jitter. @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
  private backoffMs(attempts: number): number {
    const { backoffBaseMs, backoffMaxMs } = this.options;
    return Math.random() * Math.min(backoffMaxMs, backoffBaseMs * 2 ** (attempts - 1));
  }

  private async measureBacklog(): Promise<void> {
    if (performance.now() - this.backlog.measuredAt < backlogEveryMs) return;
    this.backlog.measuredAt = performance.now();
    const { pending, failing, parked, age } = await this.db
      .selectFrom('outbox')
      .select([
        sql<number>`count(*) filter (where parked_at is null)`.as('pending'),
        sql<number>`count(*) filter (where parked_at is null and last_error is not null)`.as('failing'),
        sql<number>`count(*) filter (where parked_at is not null)`.as('parked'),
        sql<number>`coalesce(extract(epoch from now() - min(available_at) filter (where parked_at is null)), 0)::float8`.as(
          'age',
        ),
      ])
      .executeTakeFirstOrThrow();
    this.backlog = { measuredAt: this.backlog.measuredAt, ageMs: age * 1_000, parked };
    gauge(catalogue.outboxPending).set(pending);
    gauge(catalogue.outboxFailing).set(failing);
    gauge(catalogue.outboxParked).set(parked);
    gauge(catalogue.outboxOldestAge).set(Math.max(0, age));
  }
}

function inMs(ms: number) {
  return sql<Date>`now() + ${ms} * interval '1 millisecond'`;
}
