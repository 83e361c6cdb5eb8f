import { z } from 'zod';

const ms = (max: number) => z.coerce.number().int().min(1).max(max);

/** The environment variables of discovery. Services have them; they matter where a client's address names a service. */
export const discoveryEnv = z.object({
  DISCOVERY_BALANCER: z
    .enum(['peak-ewma', 'round-robin'])
    .default('peak-ewma')
    .describe('How an instance is chosen: the faster of two, or one after the other.'),
  DISCOVERY_DECAY_MS: ms(600_000)
    .default(5_000)
    .describe('How long it takes until two thirds of an instance’s slowness are forgotten.'),
  DISCOVERY_WARM_UP_MS: ms(600_000)
    .default(10_000)
    .describe('How long a new instance, or one that comes back, gets less than its share.'),
  DISCOVERY_ZONE: z
    .string()
    .min(1)
    .optional()
    .describe('The zone of this process; instances of the same zone are preferred.'),
  DISCOVERY_EJECTION: z
    .stringbool()
    .default(true)
    .describe('Whether instances that fail more than the others are left alone for a while, at most half of them.'),
  DISCOVERY_EJECTION_FAILURES: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(5)
    .describe('Failures of one instance, without a success in between, that eject it.'),
  DISCOVERY_EJECTION_MS: ms(3_600_000).default(10_000).describe('How long it is left alone; twice as long each time.'),
  DISCOVERY_EJECTION_MAX_MS: ms(3_600_000).default(300_000).describe('Longest time that an instance is left alone.'),
  DISCOVERY_TIMEOUT_MS: ms(60_000).default(2_000).describe('How long one question to DNS or a registry may take.'),
  DISCOVERY_REFRESH_MS: ms(600_000)
    .default(5_000)
    .describe('How often DNS is asked, or more often where its answers live shorter, to twice a second.'),
  DISCOVERY_WATCH_MS: ms(600_000)
    .default(60_000)
    .describe('How long a registry may be silent before it is asked whether the list still holds.'),
  DISCOVERY_MAX_PAUSE_MS: ms(600_000)
    .default(30_000)
    .describe('Longest pause between tries while DNS or a registry fails.'),
  DISCOVERY_ENDPOINT_LABEL: z
    .enum(['index', 'zone', 'address'])
    .default('index')
    .describe('What metrics call an instance. Addresses make a new series for each instance that ever was.'),
  DISCOVERY_DNS_SERVERS: z
    .string()
    .regex(/^[^\s,]+(,[^\s,]+)*$/, 'addresses with commas between them, such as 10.0.0.2,[fd00::2]:5353')
    .optional()
    .describe('DNS servers to ask instead of the system’s.'),
  DISCOVERY_KUBERNETES_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http:// or https:// address' })
    .optional()
    .describe('Kubernetes’ API, for k8s: addresses. Not set: that of the cluster in which the process runs.'),
  DISCOVERY_KUBERNETES_CREDENTIALS: z
    .string()
    .default('/var/run/secrets/kubernetes.io/serviceaccount')
    .describe('Folder with the token, ca.crt and namespace with which Kubernetes’ API is asked.'),
});

/** What {@link discoveryEnv} read, as the rooms want it. */
export function discoveryOptions(env: z.output<typeof discoveryEnv>) {
  return {
    balancer: env.DISCOVERY_BALANCER,
    decayMs: env.DISCOVERY_DECAY_MS,
    warmUpMs: env.DISCOVERY_WARM_UP_MS,
    zone: env.DISCOVERY_ZONE,
    ejection: env.DISCOVERY_EJECTION && {
      failures: env.DISCOVERY_EJECTION_FAILURES,
      ms: env.DISCOVERY_EJECTION_MS,
      maxMs: env.DISCOVERY_EJECTION_MAX_MS,
    },
    timeoutMs: env.DISCOVERY_TIMEOUT_MS,
    refreshMs: env.DISCOVERY_REFRESH_MS,
    watchMs: env.DISCOVERY_WATCH_MS,
    maxPauseMs: env.DISCOVERY_MAX_PAUSE_MS,
    endpointLabel: env.DISCOVERY_ENDPOINT_LABEL,
    dnsServers: env.DISCOVERY_DNS_SERVERS?.split(','),
    kubernetes: { url: env.DISCOVERY_KUBERNETES_URL, credentials: env.DISCOVERY_KUBERNETES_CREDENTIALS },
  };
}

export type DiscoveryOptions = ReturnType<typeof discoveryOptions>;
/** What every source is told. */
export type SourceOptions = Pick<DiscoveryOptions, 'timeoutMs' | 'refreshMs' | 'watchMs' | 'dnsServers' | 'kubernetes'>;
export type BalancerOptions = Pick<DiscoveryOptions, 'balancer' | 'decayMs' | 'warmUpMs' | 'zone' | 'ejection'>;
