import { discoveryEnv, discoveryOptions, ServiceDiscovery } from '@app/discovery';
import { type Balancer, HttpClient } from '@app/resilience';
import { eventually } from '@app/testing';

interface View {
  failing: string | false;
  ageMs: number;
  endpoints: { address: string; zone?: string; weight: number }[];
}

const quick = { DISCOVERY_TIMEOUT_MS: '200', DISCOVERY_WATCH_MS: '1000', DISCOVERY_MAX_PAUSE_MS: '200' };

/** The instances of a service, as a client of that address sees them; registries are asked often. */
export class FoundService {
  readonly client: HttpClient;
  private stopped: Promise<void> | undefined;

  /** @throws Error where nothing is found at such an address */
  constructor(baseUrl: string, env: Record<string, string> = {}) {
    const discovery = new ServiceDiscovery(discoveryOptions(discoveryEnv.parse({ ...quick, ...env })));
    this.client = new HttpClient('payments', { baseUrl }, undefined, false, discovery);
    discovery.onModuleInit();
  }

  get view(): View {
    return (this.client.balancer as Balancer).view() as View;
  }

  get addresses(): string[] {
    return this.view.endpoints.map(({ address }) => address).sort();
  }

  become(...expected: string[]): Promise<unknown> {
    const list = expected.toSorted().join();
    return eventually(`the list is ${list}`, () => this.addresses.join() === list, { timeoutMs: 5_000 });
  }

  fail(reason: string | false): Promise<unknown> {
    return eventually(`it fails: ${reason}`, () => this.view.failing === reason, { timeoutMs: 5_000 });
  }

  stop(): Promise<void> {
    this.stopped ??= this.client.close();
    return this.stopped;
  }
}
