import 'reflect-metadata';

/** Why something is not well. A closed set: a probe's answer and a log line never say more than this, whatever an error's message holds. */
export const healthReasons = {
  timeout: 'It did not answer in time.',
  unreachable: 'It cannot be reached, or broke the connection.',
  refused: 'It does not let us in: a wrong user, password or right.',
  not_migrated: 'It lacks its database or its tables.',
  no_connection_left: 'Its server takes no more connections.',
  pool_full: 'All connections of the pool are in use: load, not absence.',
  read_only: 'It takes no writes.',
  full: 'It has no room left.',
  backlog: 'Work waits for longer than it may, or for a person.',
  silent: 'The worker has not shown itself for too long.',
  circuit_open: 'Calls are cut off after too many failures.',
  circuit_half_open: 'A few calls look whether it works again.',
  slow_event_loop: 'The event loop is late.',
  not_found: 'It does not know what it was asked for.',
  empty: 'It knows no instance.',
  failed: 'It failed in another way; the log tells.',
} as const;

export type HealthReason = keyof typeof healthReasons;

/** `degraded`: it is not as it should be, and requests are served all the same. */
export type HealthStatus = 'ok' | 'degraded' | 'error';

export interface HealthResult {
  status: HealthStatus;
  reason?: HealthReason;
  /** For the log only. What it holds in `mend` is told there too. */
  cause?: unknown;
}

/** What real work last showed, which makes a check of its own unnecessary. */
export interface ObservedHealth extends HealthResult {
  /** On the clock of `performance.now()`. */
  at: number;
}

/** A provider with {@link HealthCheck}. */
export interface HealthIndicator {
  /**
   * Looks deeply, over what requests use too and with no connection of its own. It runs under a deadline. What it throws counts as
   * `error` and `failed`.
   */
  check(): HealthResult | Promise<HealthResult>;
  /** Readiness takes this instead of a check, while it is recent. */
  observed?(): ObservedHealth | undefined;
}

export interface HealthCheckOptions {
  /** Its name in probes and metrics, such as `postgres`. */
  name: string;
  /** Whether no request can be served without it, so that an `error` makes the service not ready. @default false */
  ready?: boolean;
}

const key = 'health-check';

/** Makes a provider a health check of its service, which finds it by this: there is no list of checks to keep. */
export function HealthCheck(options: HealthCheckOptions) {
  return (target: abstract new (...args: never[]) => HealthIndicator): void => {
    Reflect.defineMetadata(key, options, target);
  };
}

/** What {@link HealthCheck} said of the class of this provider, or of one that it extends. */
export function healthCheckOf(provider: unknown): HealthCheckOptions | undefined {
  const type = (provider as object | null | undefined)?.constructor;
  return type && Reflect.getMetadata(key, type);
}
