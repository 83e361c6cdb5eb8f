import type { ServiceAddress } from '@app/resilience';

/** An instance of a service, as a source knows it. */
export interface Endpoint {
  /** Its address, or a host name. */
  host: string;
  port: number;
  /** What to ask it for, in `Host` and TLS, where that is not its host. */
  name?: string;
  /** Its share of the calls, compared with the others'. @default 1 */
  weight?: number;
  zone?: string;
}

/** Something that knows where the instances of services are. */
export interface Source {
  /** What is wrong with an address, in words that mend it; nothing where it is right. */
  check(address: ServiceAddress): string | undefined;
  /**
   * Each whole list of the instances that may be called, from now until `signal` aborts. The same list once more confirms it.
   * @throws whatever makes it impossible to go on; whoever reads keeps the last list and begins anew after a pause
   */
  watch(address: ServiceAddress, signal: AbortSignal): AsyncIterable<readonly Endpoint[]>;
}

/** What is wrong with the options of an address, where some are given that its source does not take. */
export function unknownOptions(
  source: string,
  given: URLSearchParams,
  known: readonly string[] = [],
): string | undefined {
  const unknown = [...new Set(given.keys())].filter((name) => !known.includes(name));
  if (unknown.length === 0) return undefined;
  return `${source}: takes ${known.join(' and ') || 'no options'}; it was given ${unknown.join(', ')}`;
}
