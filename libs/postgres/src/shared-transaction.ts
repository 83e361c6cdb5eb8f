import { AsyncLocalStorage } from 'node:async_hooks';
import { currentDeadline } from '@app/resilience';
import {
  type CompiledQuery,
  type DatabaseConnection,
  PostgresDialect,
  type PostgresDialectConfig,
  PostgresDriver,
  type QueryResult,
  type Transaction,
  type TransactionSettings,
} from 'kysely';

/**
 * Runs `work` so that all its statements are part of the transaction, also those that it and whatever it calls give to the ordinary
 * `Kysely`. They run one after the other. A `db.transaction()` inside joins; when it fails, the whole must fail, whoever catches its error.
 * The deadline ends it, whatever `work` waits for.
 *
 * @throws Error when `work` returns while statements of its own still run, or after a transaction that joined has failed
 */
export function shareTransaction<T>(trx: Transaction<unknown>, work: () => Promise<T>): Promise<T> {
  return trx.getExecutor().provideConnection(async (connection) => {
    const shared = new SharedTransaction(connection);
    try {
      const result = await beforeDeadline(sharing.run(shared, work));
      shared.assertWhole();
      return result;
    } finally {
      await shared.end();
    }
  });
}

/** What the work waits for besides SQL may never end, and is not given the connection for so long. */
async function beforeDeadline<T>(work: Promise<T>): Promise<T> {
  const over = Promise.withResolvers<never>();
  const ending = { stop: over.reject };
  const deadline = currentDeadline();
  deadline?.tell(ending);
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    deadline?.forget(ending);
  }
}

const sharing = new AsyncLocalStorage<SharedTransaction>();

class SharedTransaction {
  private last: Promise<unknown> = Promise.resolve();
  private borrowed = 0;
  private failed = false;
  private ended = false;

  constructor(readonly connection: DatabaseConnection) {}

  borrow(): BorrowedConnection {
    this.assertOpen();
    this.borrowed += 1;
    return new BorrowedConnection(this);
  }

  giveBack(): void {
    this.borrowed -= 1;
  }

  fail(): void {
    this.failed = true;
  }

  execute<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const result = this.last.then(() => {
      this.assertOpen();
      return this.connection.executeQuery<R>(query);
    });
    this.last = result.catch(() => undefined);
    return result;
  }

  /** The statement that runs comes to its end; none starts any more. */
  async end(): Promise<void> {
    this.ended = true;
    await this.last;
  }

  assertWhole(): void {
    if (this.borrowed > 0) throw new Error('the work has returned while statements of its own still run');
    if (this.failed) throw new Error('a transaction that joined this one has failed, so this one cannot be committed');
  }

  private assertOpen(): void {
    if (this.ended) throw new Error('the transaction that this statement belongs to has ended');
  }
}

/** The connection of a shared transaction, as one of those has it who share it. */
class BorrowedConnection implements DatabaseConnection {
  constructor(readonly shared: SharedTransaction) {}

  executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.shared.execute(query);
  }

  streamQuery(): never {
    throw new Error('a shared transaction does not stream');
  }
}

class SharingDriver extends PostgresDriver {
  private readonly own = new WeakSet<DatabaseConnection>();

  override async acquireConnection(): Promise<DatabaseConnection> {
    const shared = sharing.getStore();
    // Another database has transactions of its own.
    if (shared && this.own.has(shared.connection)) return shared.borrow();
    const connection = await super.acquireConnection();
    this.own.add(connection);
    return connection;
  }

  override async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    if (!(connection instanceof BorrowedConnection)) return super.beginTransaction(connection, settings);
    if (settings.isolationLevel || settings.accessMode) {
      throw new Error('a transaction that joins another one takes its isolation level and access mode');
    }
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    if (!(connection instanceof BorrowedConnection)) await super.commitTransaction(connection);
  }

  override async rollbackTransaction(connection: Parameters<PostgresDriver['rollbackTransaction']>[0]): Promise<void> {
    if (connection instanceof BorrowedConnection) connection.shared.fail();
    else await super.rollbackTransaction(connection);
  }

  override async releaseConnection(connection: Parameters<PostgresDriver['releaseConnection']>[0]): Promise<void> {
    if (connection instanceof BorrowedConnection) connection.shared.giveBack();
    else await super.releaseConnection(connection);
  }
}

/** Kysely's dialect, for a `Kysely` whose statements {@link shareTransaction} can gather. */
export class SharingDialect extends PostgresDialect {
  constructor(private readonly config: PostgresDialectConfig) {
    super(config);
  }

  override createDriver(): PostgresDriver {
    return new SharingDriver(this.config);
  }
}
