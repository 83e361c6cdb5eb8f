import { setTimeout as sleep } from 'node:timers/promises';
import { WorkerLoop } from '@app/health';
import { currentDeadline, IdempotencyError, isIdempotencyError } from '@app/resilience';
import { catalogue, counter } from '@app/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { type Kysely, sql, type Transaction } from 'kysely';
import { shareTransaction } from '../shared-transaction.js';
import type { IdempotencyOptions } from './idempotency.options.js';
import type { IdempotencyTables } from './idempotency.table.js';

export interface KeyedRequest {
  /** Method and route template. */
  route: string;
  caller: string;
  key: string;
  /** Digest of all that makes two requests the same one. */
  fingerprint: string;
}

export interface Answer {
  status: number;
  /** JSON, or undefined for an empty body. */
  body: unknown;
}

/** What a request that waits leaves of its deadline, to say in time that it waited in vain. */
const answerMarginMs = 200;
const retryAfterMs = 1_000;
const sweepBatch = 1_000;

/** Longer than the pool lets a statement take, whatever its options are. */
const longestSweepMs = 900_000;

/** What Postgres ends a wait with: `lock_timeout`, or a `statement_timeout` that is shorter. */
const waitedTooLong: ReadonlySet<unknown> = new Set(['55P03', '57014']);

/** Answers each key once: the key, what its request wrote, and the answer are committed together or not at all. */
export class IdempotencyStore implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly requests = counter(catalogue.idempotentRequests);
  private readonly lines = new Map<string, Promise<void>>();
  private readonly sweeper: WorkerLoop;

  constructor(
    private readonly db: Kysely<IdempotencyTables>,
    private readonly options: IdempotencyOptions,
  ) {
    this.sweeper = new WorkerLoop('idempotency', {
      maxSilenceMs: options.sweepMs + longestSweepMs,
      pauseMs: options.sweepMs,
      turn: async () => (await this.sweep()) === sweepBatch,
    });
  }

  /**
   * Runs `handle`, or gives the answer that this key got before. What `handle` throws rolls back all that it wrote, and the key.
   *
   * @throws IdempotencyError when the key belongs to another request, or its first request is not done in time
   */
  async once(request: KeyedRequest, handle: () => Promise<Answer>): Promise<Answer> {
    const count = (outcome: string) => this.requests.inc({ route: request.route, outcome });
    const timeLeftMs = (currentDeadline()?.timeLeftMs ?? Infinity) - answerMarginMs;
    const waitUntil = performance.now() + Math.min(this.options.waitMs, timeLeftMs);
    try {
      const { outcome, answer } = await this.inLine(request, waitUntil, () => this.settle(request, waitUntil, handle));
      count(outcome);
      return answer;
    } catch (error) {
      if (isIdempotencyError(error)) count(error.code === 'idempotency_key_reused' ? 'mismatch' : 'busy');
      throw error;
    }
  }

  onApplicationBootstrap(): void {
    this.sweeper.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.sweeper.stop();
  }

  /** Deletes expired keys, a batch at most, and says how many. */
  async sweep(): Promise<number> {
    const { numAffectedRows } = await sql`
      delete from idempotency_keys where ctid = any(array(
        select ctid from idempotency_keys where expires_at <= now() limit ${sweepBatch} for update skip locked
      ))`.execute(this.db);
    return Number(numAffectedRows);
  }

  /** One after the other for each key, so that of all that wait here for a key only one holds a connection. */
  private async inLine<T>({ route, caller, key }: KeyedRequest, waitUntil: number, work: () => Promise<T>): Promise<T> {
    const line = JSON.stringify([route, caller, key]);
    const before = this.lines.get(line);
    const done = Promise.withResolvers<void>();
    const last = Promise.all([before, done.promise]).then(() => {
      if (this.lines.get(line) === last) this.lines.delete(line);
    });
    this.lines.set(line, last);
    try {
      if (before && !(await isOver(before, waitUntil))) throw busy();
      return await work();
    } finally {
      done.resolve();
    }
  }

  private settle(request: KeyedRequest, waitUntil: number, handle: () => Promise<Answer>) {
    return this.db.transaction().execute(async (trx) => {
      if (!(await this.claim(trx, request, waitUntil))) {
        return { outcome: 'replayed', answer: await firstAnswer(trx, request) };
      }
      const answer = await shareTransaction(trx as unknown as Transaction<unknown>, handle);
      await trx
        .updateTable('idempotency_keys')
        .set({ status: answer.status, body: JSON.stringify(answer.body) ?? null })
        .where(isKeyOf(request))
        .execute();
      return { outcome: 'first', answer };
    });
  }

  /**
   * Takes the key, unless an earlier request has it. The insert waits for whoever holds the key uncommitted; `lock_timeout` bounds that
   * wait, and is what it was before when the handler runs.
   */
  private async claim(trx: Transaction<IdempotencyTables>, request: KeyedRequest, waitUntil: number): Promise<boolean> {
    const { route, caller, key, fingerprint } = request;
    const { rows } = await sql`
      insert into idempotency_keys (route, caller, key, fingerprint, expires_at)
      select ${route}, ${caller}, ${key}, ${fingerprint}, now() + ${this.options.ttlMs} * interval '1 millisecond'
      from set_config('lock_timeout', ${msUntil(waitUntil).toFixed()}, true)
      on conflict (route, caller, key) do update
      set fingerprint = excluded.fingerprint, expires_at = excluded.expires_at, status = null, body = null
      where idempotency_keys.expires_at <= now()
      returning set_config('lock_timeout', null, true)`
      .execute(trx)
      .catch((error) => {
        throw waitedTooLong.has(error.code) ? busy() : error;
      });
    return rows.length > 0;
  }
}

/** @throws IdempotencyError when it was the answer to another request */
async function firstAnswer(trx: Transaction<IdempotencyTables>, request: KeyedRequest): Promise<Answer> {
  const first = await trx
    .selectFrom('idempotency_keys')
    .select(['fingerprint', 'status', 'body'])
    .where(isKeyOf(request))
    .executeTakeFirst();
  // Swept since the insert found it.
  if (!first) throw busy();
  if (first.fingerprint !== request.fingerprint) throw new IdempotencyError('idempotency_key_reused');
  return { status: first.status as number, body: first.body === null ? undefined : JSON.parse(first.body) };
}

function isKeyOf({ route, caller, key }: KeyedRequest) {
  return sql<boolean>`(route, caller, key) = (${route}, ${caller}, ${key})`;
}

function busy(): IdempotencyError {
  return new IdempotencyError('idempotency_key_busy', retryAfterMs);
}

/** At least 1: Postgres takes 0 for no bound at all. */
function msUntil(time: number): number {
  return Math.max(1, time - performance.now());
}

async function isOver(work: Promise<void>, waitUntil: number): Promise<boolean> {
  const waited = new AbortController();
  const inVain = sleep(msUntil(waitUntil), false, { signal: waited.signal }).catch(() => false);
  return Promise.race([work.then(() => true), inVain]).finally(() => waited.abort());
}
