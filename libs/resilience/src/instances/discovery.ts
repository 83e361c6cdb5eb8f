import type { CircuitOutcome } from '../circuit-breaker/circuit-breaker.policy.js';
import type { ServiceAddress } from './service.address.js';

/** One of the instances of a service, chosen for an attempt. */
export interface Instance {
  /** Where it is: `http://10.0.0.7:3002`. */
  readonly origin: string;
  /** What to ask it for, in `Host` and TLS, where that is not its host. */
  readonly name: string | undefined;
}

/** Knows the instances of one service, and how they are. */
export interface Balancer {
  /**
   * Chooses an instance for an attempt. Whoever gets one must {@link record} how the attempt ended.
   * @param previous the instance of the call's attempt before, which is avoided where there is another one
   * @returns nothing while no instance is known
   */
  pick(previous?: Instance): Instance | undefined;
  /** Waits for the first instance to be known. @throws the signal's reason when that aborts before */
  known(signal: AbortSignal): Promise<void>;
  record(instance: Instance, outcome: CircuitOutcome, durationMs: number): void;
  /** The instance says that it is going: nothing more is sent to it. */
  going(instance: Instance): void;
  /** What operators see of it. */
  view(): object;
  close(): void;
}

/** Finds the instances of services. Provide it under this token; without it a client has one host. */
export abstract class Discovery {
  abstract balance(client: string, address: ServiceAddress): Balancer;
}

/**
 * With this an instance says in its answers that it is going.
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-immediate-health-check-fail
 */
export const goingHeader = 'x-envoy-immediate-health-check-fail';
