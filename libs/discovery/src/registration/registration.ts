import { networkInterfaces } from 'node:os';
import { type ServiceAddress, serviceAddressOf } from '@app/resilience';
import { catalogue, counter, gauge, logger } from '@app/telemetry';
import type { DiscoveryOptions } from '../discovery.env.js';
import { backoff, pause, staggered } from '../sources/pause.js';
import { failureOf, type SourceFailureReason } from '../sources/source.failure.js';
import { consulRegistry } from './consul.registry.js';
import { nacosRegistry } from './nacos.registry.js';
import type { Registry, RegistryEntry } from './registry.js';

/** How often it is looked whether the service is ready, while it is not. */
const readyEveryMs = 500;

/** What others may call, and when. */
export interface Registrant {
  /** What the service listens on. */
  host: string;
  port: number;
  isReady(): Promise<boolean>;
}

/** Keeps this instance listed in a registry for as long as it is ready, where `DISCOVERY_REGISTER` says so. */
export class Registration {
  /** What is wrong with `DISCOVERY_REGISTER`. */
  readonly problem: string | undefined;
  /** Why it cannot be listed at the moment. */
  failing: SourceFailureReason | undefined;
  private readonly address: ServiceAddress | undefined;
  private readonly registry: Registry | undefined;
  private entry: RegistryEntry | undefined;
  private telling: Promise<void> | undefined;
  private asked = false;
  private listed = false;
  private readonly ending = new AbortController();
  private readonly errors = counter(catalogue.discoveryRegistrationErrors);
  private readonly log = logger.child({ context: 'Discovery' });

  constructor(private readonly options: DiscoveryOptions) {
    if (!options.register) return;
    const registries: Record<string, Registry> = { consul: consulRegistry(options), nacos: nacosRegistry(options) };
    this.address = serviceAddressOf(options.register);
    this.registry = this.address && registries[this.address.source];
    this.problem =
      this.address && this.registry
        ? this.registry.check(this.address)
        : `an instance is listed by ${Object.keys(registries).join(' or ')}, such as consul:http://payments`;
    gauge(catalogue.discoveryRegistered, (metric) => metric.set(this.listed ? 1 : 0));
  }

  start({ host, port, isReady }: Registrant): void {
    const { address, registry, options } = this;
    if (!address || !registry) return;
    const listing = { ...reachable(host, port, options.registerAddress), zone: options.zone };
    this.entry = registry.open(address, { ...listing, renewMs: options.registerMs });
    void this.run(this.entry, isReady, { service: address.authority, registry: address.source, ...listing });
  }

  /** The first step of a stop. What the registry does not take by then it forgets by itself. */
  async leave(signal: AbortSignal): Promise<void> {
    this.ending.abort();
    await this.telling?.catch(() => undefined);
    try {
      if (this.asked) {
        await this.entry?.leave(signal);
        this.log.info('listed no longer: this instance stops');
      }
    } catch (error) {
      this.failed(error);
    }
    this.listed = false;
    this.entry?.close();
  }

  private async run(entry: RegistryEntry, isReady: () => Promise<boolean>, what: object): Promise<void> {
    const { signal } = this.ending;
    const { registerMs } = this.options;
    for (let failures = 0; !signal.aborted; ) {
      try {
        const ready = await isReady();
        if (signal.aborted) return;
        this.telling = this.keep(entry, ready, what);
        await this.telling;
        this.failing = undefined;
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.failed(error);
        this.listed = false;
        failures += 1;
      }
      const nextMs = staggered(this.listed ? registerMs : Math.min(registerMs, readyEveryMs));
      await pause(failures > 0 ? backoff(failures, registerMs) : nextMs, signal);
    }
  }

  private async keep(entry: RegistryEntry, ready: boolean, what: object): Promise<void> {
    const { signal } = this.ending;
    if (ready && this.listed) {
      await entry.renew(signal);
    } else if (ready) {
      this.asked = true;
      await entry.join(signal);
      this.listed = true;
      this.log.info(what, 'listed: others may find this instance');
    } else if (this.listed) {
      await entry.leave(signal);
      this.listed = false;
      this.log.warn(what, 'not ready, so listed no longer');
    }
  }

  private failed(error: unknown): void {
    const reason = failureOf(error);
    this.errors.inc({ reason });
    if (reason !== this.failing)
      this.log.warn({ reason, err: error }, 'the registry does not take what is told of this instance');
    this.failing = reason;
  }
}

/** Where others reach what listens here: by what they are told, by the one address that it listens on, or by that of the machine. */
function reachable(host: string, port: number, told: string | undefined): { host: string; port: number } {
  if (told !== undefined) {
    const { hostname, port: other } = new URL(`tcp://${told}`);
    return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(other) || port };
  }
  return { host: ['0.0.0.0', '::'].includes(host) ? addressOfMachine() : host, port };
}

function addressOfMachine(): string {
  const outside = Object.values(networkInterfaces()).flatMap((all = []) => all.filter(({ internal }) => !internal));
  const { address } = outside.find(({ family }) => family === 'IPv4') ?? outside[0] ?? { address: '127.0.0.1' };
  return address;
}
