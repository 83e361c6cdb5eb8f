import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { freePort, type PostgresServer, ServiceProcess, startPostgres } from '@app/testing';

const run = promisify(execFile);

const apps = ['storefront', 'orders', 'payments'] as const;
export type AppName = (typeof apps)[number];

/** The whole shop as it runs in production: three processes and a real database, on free ports. */
export class Shop {
  readonly services = {} as Record<AppName, ServiceProcess>;
  /** Every process that ever was, for what it said. */
  readonly processes: ServiceProcess[] = [];

  private constructor(
    readonly postgres: PostgresServer,
    readonly databases: Record<'orders' | 'payments', string>,
    private readonly ports: Record<AppName, number>,
    private readonly env: Record<string, string>,
  ) {}

  static async start(env: Record<string, string> = {}): Promise<Shop> {
    const postgres = await startPostgres();
    const databases = { orders: await postgres.database('orders'), payments: await postgres.database('payments') };
    const ports = { storefront: await freePort(), orders: await freePort(), payments: await freePort() };
    const shop = new Shop(postgres, databases, ports, env);
    try {
      await Promise.all([
        script('orders', 'migrate', databases.orders),
        script('payments', 'migrate', databases.payments),
      ]);
      await script('orders', 'seed', databases.orders);
      await Promise.all(apps.map((app) => shop.startService(app)));
      return shop;
    } catch (error) {
      await shop.stop();
      throw error;
    }
  }

  /** Starts a service, or starts it again on the port that it had; `env` is for this time only. */
  async startService(app: AppName, env: Record<string, string> = {}): Promise<ServiceProcess> {
    const port = this.services[app]?.port ?? this.ports[app];
    const service = await this.startAnother(app, { PORT: String(port), ...env });
    this.services[app] = service;
    return service;
  }

  /** Starts one more instance, on a port of its own. */
  async startAnother(app: AppName, env: Record<string, string> = {}): Promise<ServiceProcess> {
    const urlOf = (other: AppName) => `http://127.0.0.1:${this.ports[other]}`;
    const service = await ServiceProcess.start({
      folder: folderOf(app),
      env: {
        ...(app !== 'storefront' && { DATABASE_URL: this.databases[app] }),
        ...(app === 'orders' && { PAYMENTS_URL: urlOf('payments') }),
        ...(app === 'storefront' && { ORDERS_URL: urlOf('orders') }),
        ...this.env,
        ...env,
      },
    });
    this.processes.push(service);
    return service;
  }

  get url(): string {
    return this.services.storefront.url;
  }

  checkout(body: object, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}/checkout`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(15_000),
    });
  }

  /** Runs one statement in a service's database. */
  query<Row extends Record<string, unknown>>(database: 'orders' | 'payments', sql: string): Promise<Row[]> {
    return this.postgres.query(database, sql);
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((service) => service.kill()));
    await this.postgres.stop();
  }
}

export function folderOf(app: AppName): string {
  return resolve('apps', app);
}

function script(app: AppName, name: 'migrate' | 'seed', databaseUrl: string) {
  return run(process.execPath, [`dist/${name}.js`], {
    cwd: folderOf(app),
    env: { ...process.env, DATABASE_URL: databaseUrl },
  });
}
