import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres } from '@app/testing';
import pg from 'pg';
import { ask, end, start } from './children.js';
import { leaveServerCore } from './cores.js';
import { startSpanCounter } from './span-counter.js';

/** All that contestants talk to: a database with the order, a service that answers about payments, a collector, and whoever makes load. */
export async function openStage() {
  leaveServerCore();
  const postgres = await startPostgres();
  const payments = await startPayments();
  const collector = await startSpanCounter();
  const load = start([process.execPath, join(import.meta.dirname, 'load.worker.js')], { ipc: true });
  const database = await postgres.database('bench');
  await fill(database);
  return {
    /** What a contestant has to know of it all. */
    env: ({ name }) => ({
      DATABASE_URL: database,
      PAYMENTS_URL: `http://127.0.0.1:${payments.address().port}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpointOf(name),
    }),
    /** How many spans a contestant has sent, once no more come. */
    spansOf: ({ name }) => settled(() => collector.spansOf(name)),
    /** Asks `url` over that many connections, each as fast as it is answered. */
    burst: (url, seconds, connections) => ask(load, { url, seconds, connections }),
    /** Address of the service that answers about payments. */
    upstream: `http://127.0.0.1:${payments.address().port}`,
    close: once(async () => {
      await end(load);
      await collector.stop();
      payments.closeAllConnections();
      payments.close();
      await postgres.stop();
    }),
  };
}

function once(work) {
  let running;
  return () => (running ??= work());
}

async function settled(count) {
  for (let last = -1; last !== count(); await sleep(150)) last = count();
  return count();
}

async function startPayments() {
  const body = JSON.stringify({ status: 'authorised', amount: 4200, currency: 'EUR' });
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  const server = createServer((_request, response) => response.writeHead(200, headers).end(body));
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function fill(database) {
  const client = new pg.Client(database);
  await client.connect();
  await client.query('create table orders (id integer primary key, status text not null, amount integer not null)');
  await client.query(`insert into orders select id, 'paid', 4200 from generate_series(1, 1000) as id`);
  await client.end();
}
