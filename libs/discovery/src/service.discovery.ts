import { once } from 'node:events';
import { type Balancer, Discovery, type ServiceAddress } from '@app/resilience';
import { catalogue, counter, gauge, logger } from '@app/telemetry';
import type { OnModuleInit } from '@nestjs/common';
import type { BalancedInstance } from './balancer/balanced.instance.js';
import { DiscoveredService } from './discovered.service.js';
import type { DiscoveryOptions } from './discovery.env.js';
import { Registration } from './registration/registration.js';
import type { Source } from './sources/source.js';
import { allSources } from './sources/sources.js';

/** Series for instances beyond this one go by the name `other`. */
const mostIndexes = 64;

/** Finds the instances of the services that a service calls, and tells what it sees. */
export class ServiceDiscovery extends Discovery implements OnModuleInit {
  readonly services = new Set<DiscoveredService>();
  readonly registration: Registration;
  private readonly problems: string[] = [];
  private readonly sources: Record<string, Source>;
  private readonly errors = counter(catalogue.discoveryErrors);
  private readonly ejections = counter(catalogue.discoveryEjections);
  private readonly picks = counter(catalogue.discoveryPicks, () => {
    for (const { client, balancer } of this.services)
      for (const each of balancer.instances) this.countPicks(client, each);
  });
  private readonly log = logger.child({ context: 'Discovery' });

  constructor(private readonly options: DiscoveryOptions) {
    super();
    this.sources = allSources(options);
    this.registration = new Registration(options);
    if (this.registration.problem) this.problems.push(`DISCOVERY_REGISTER: ${this.registration.problem}`);
    gauge(catalogue.discoveryEndpoints, (metric) => {
      for (const { client, balancer } of this.services) {
        for (const [state, count] of Object.entries(balancer.counts)) metric.set({ client, state }, count);
      }
    });
    gauge(catalogue.discoveryAge, (metric) => {
      for (const { client, ageMs } of this.services) metric.set({ client }, ageMs / 1_000);
    });
  }

  balance(client: string, address: ServiceAddress): Balancer {
    const source = this.sources[address.source];
    const problem = source
      ? source.check(address)
      : `${address.source}: is no source; there is ${Object.keys(this.sources).filter(Boolean).join(', ')}, and lists of hosts`;
    if (problem) this.problems.push(`${client}: ${problem}`);
    const service = new DiscoveredService(client, address, problem || !source ? nowhere : source, this.options, {
      failed: (reason, error, { isNew, known }) => {
        this.errors.inc({ client, reason });
        const stay = known > 0 ? `; the ${known} known before stay` : '';
        if (isNew) this.log.warn({ client, reason, err: error }, `the instances of ${client} cannot be found${stay}`);
      },
      found: (known, failures) => {
        if (failures > 0) this.log.info({ client, known, failures }, `the instances of ${client} are found again`);
      },
      removed: (instance) => this.countPicks(client, instance),
      ejected: ({ origin }, reason, forMs) => {
        this.ejections.inc({ client, reason });
        const level = reason === 'going' ? 'info' : 'warn';
        this.log[level](
          { client, endpoint: origin, reason, forMs },
          `an instance of ${client} gets no calls for a while`,
        );
      },
    });
    this.services.add(service);
    return service;
  }

  /** @throws Error with `mend`, naming every address that leads nowhere */
  onModuleInit(): void {
    const { problems } = this;
    if (problems.length === 0) return;
    const mend = 'Mend these addresses; docs/discovery.md has all forms.';
    throw Object.assign(new Error(`instances cannot be found.\n${problems.map((one) => `  - ${one}`).join('\n')}`), {
      mend,
    });
  }

  private countPicks(client: string, instance: BalancedInstance): void {
    if (instance.picks === 0) return;
    this.picks.inc({ client, endpoint: this.labelOf(instance) }, instance.picks);
    instance.picks = 0;
  }

  private labelOf({ index, endpoint, origin }: BalancedInstance): string {
    const { endpointLabel } = this.options;
    if (endpointLabel === 'zone') return endpoint.zone ?? 'none';
    if (endpointLabel === 'address') return new URL(origin).host;
    return index < mostIndexes ? String(index) : 'other';
  }
}

/** Stands in until the start fails for the address' sake. */
const nowhere: Source = {
  check: () => undefined,
  async *watch(_address, signal) {
    await once(signal, 'abort');
    yield [];
  },
};
