import { setTimeout as sleep } from 'node:timers/promises';
import { workers } from '@app/health';
import { catalogue, counter, logger } from '@app/telemetry';
import { trace } from '@opentelemetry/api';
import type { Fault, RequestFault } from './fault.schema.js';

export interface ActiveFault {
  fault: Fault;
  /** When it is over, by the wall clock. */
  until: Date;
}

/** Where a fault may meet a request: at a route of this service, or on its way to another one. */
export type Target = { route: string } | { client: string };

/** What is done to this service on purpose, for drills. Each fault ends by itself. */
export class Faults {
  /** Where faults may meet requests. */
  readonly routes = new Set<string>();
  readonly clients = new Set<string>();
  private readonly active = new Map<Fault, { until: Date; timer: NodeJS.Timeout }>();
  private readonly injected = counter(catalogue.faultsInjected);
  private readonly log = logger.child({ context: 'Faults' });

  list(): ActiveFault[] {
    return [...this.active].map(([fault, { until }]) => ({ fault, until }));
  }

  add(fault: Fault): void {
    if (fault.kind === 'block') {
      this.log.warn({ fault }, 'fault: the event loop stands still');
      this.injected.inc({ kind: fault.kind, target: 'process' });
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, fault.blockMs));
      return;
    }
    if (fault.kind === 'freeze') this.freeze(fault);
    const timer = setTimeout(() => this.end(fault, 'fault over'), fault.forMs).unref();
    this.active.set(fault, { until: new Date(Date.now() + fault.forMs), timer });
    this.log.warn({ fault }, 'fault injected');
  }

  /** What a fault names that there is not. */
  unknownTarget(fault: Fault): { path: string[]; message: string } | undefined {
    const known = { route: this.routes, client: this.clients, worker: new Set(workers().map(({ name }) => name)) };
    for (const [field, names] of Object.entries(known)) {
      const name = (fault as Record<string, unknown>)[field];
      if (name === undefined || names.has(name as string)) continue;
      return { path: [field], message: `There is none of that name here; there is ${[...names].join(', ') || 'none'}` };
    }
    return undefined;
  }

  clear(): void {
    for (const fault of [...this.active.keys()]) this.end(fault, 'fault cleared');
  }

  /**
   * Lets the faults of a target meet one request: waits, for as long as `signal` does not abort.
   * @returns the fault that should end the request, if there is one
   */
  async meet(target: Target, signal: AbortSignal): Promise<RequestFault | undefined> {
    for (const fault of this.active.keys()) {
      if (!('share' in fault) || !isFor(fault, target) || Math.random() >= fault.share) continue;
      this.injected.inc({ kind: fault.kind, target: 'client' in target ? target.client : 'inbound' });
      trace.getActiveSpan()?.addEvent('fault', { kind: fault.kind });
      if (fault.kind === 'latency')
        await sleep(fault.latencyMs + Math.random() * (fault.spreadMs ?? 0), undefined, { signal });
      else if (fault.kind === 'hang') await forever(signal);
      else return fault;
    }
    return undefined;
  }

  private freeze({ worker, forMs }: Extract<Fault, { kind: 'freeze' }>): void {
    this.injected.inc({ kind: 'freeze', target: worker });
    workers()
      .find(({ name }) => name === worker)
      ?.freeze(forMs);
  }

  private end(fault: Fault, message: string): void {
    clearTimeout(this.active.get(fault)?.timer);
    if (fault.kind === 'freeze')
      workers()
        .find(({ name }) => name === fault.worker)
        ?.thaw();
    this.active.delete(fault);
    this.log.warn({ fault }, message);
  }
}

function isFor({ route, client }: RequestFault, target: Target): boolean {
  if ('client' in target) return client === target.client;
  return client === undefined && (route === undefined || route === target.route);
}

function forever(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
