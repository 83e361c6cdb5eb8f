import type { ServiceAddress } from '@app/resilience';

/** An instance of this service, as others shall see it. */
export interface Listing {
  host: string;
  port: number;
  zone: string | undefined;
  /** How often it says that it is alive. Who has not for three times as long gets no calls. */
  renewMs: number;
}

/** Somewhere to be found. */
export interface Registry {
  /** What is wrong with an address, in words that mend it; nothing where it is right. */
  check(address: ServiceAddress): string | undefined;
  open(address: ServiceAddress, listing: Listing): RegistryEntry;
}

/** One instance in a registry. All of these throw what made them impossible. */
export interface RegistryEntry {
  /** Lists it, or lists it anew. */
  join(signal: AbortSignal): Promise<void>;
  /** Says that it is alive. @throws also when the registry does not know it any more */
  renew(signal: AbortSignal): Promise<void>;
  /** Lists it no longer. */
  leave(signal: AbortSignal): Promise<void>;
  close(): void;
}
