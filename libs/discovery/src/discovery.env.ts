import { z } from 'zod';

const ms = (max: number) => z.coerce.number().int().min(1).max(max);
const url = z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// address' });
const secret = z.string().min(1).optional().meta({ secret: true });

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
    .describe('How often DNS and Nacos are asked; DNS more often where its answers live shorter, to twice a second.'),
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
  DISCOVERY_REGISTER: z
    .string()
    .optional()
    .describe(
      'What this instance is listed as, in the registry that others find it by: consul:http://payments?tag=blue, or nacos:http://payments?group=shop.',
    ),
  DISCOVERY_REGISTER_ADDRESS: z
    .string()
    .refine((address) => /^[^\s/]+$/.test(address) && URL.canParse(`tcp://${address}`), {
      error: 'must be an address, with a port where it is not PORT, such as 10.0.0.7 or 10.0.0.7:80',
    })
    .optional()
    .describe('Where others reach it. Not set: HOST, or the address of this machine, and PORT.'),
  DISCOVERY_REGISTER_MS: ms(600_000)
    .default(5_000)
    .describe('How often it says that it is alive. Who has not for three times as long gets no calls.'),
  DISCOVERY_CONSUL_URL: url.default('http://127.0.0.1:8500').describe('Consul’s agent, for consul: addresses.'),
  DISCOVERY_CONSUL_TOKEN: secret.describe('Consul’s ACL token.'),
  DISCOVERY_NACOS_URL: url
    .default('http://127.0.0.1:8848/nacos')
    .describe('Nacos, with its context path, for nacos: addresses.'),
  DISCOVERY_NACOS_TOKEN: secret.describe('Access token for Nacos.'),
  DISCOVERY_NACOS_USERNAME: z.string().min(1).optional().describe('Or the user that gets one; it is renewed in time.'),
  DISCOVERY_NACOS_PASSWORD: secret.describe('That user’s password.'),
  DISCOVERY_KUBERNETES_URL: url
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
    register: env.DISCOVERY_REGISTER,
    registerAddress: env.DISCOVERY_REGISTER_ADDRESS,
    registerMs: env.DISCOVERY_REGISTER_MS,
    consul: { url: env.DISCOVERY_CONSUL_URL, token: env.DISCOVERY_CONSUL_TOKEN },
    nacos: {
      url: env.DISCOVERY_NACOS_URL,
      token: env.DISCOVERY_NACOS_TOKEN,
      username: env.DISCOVERY_NACOS_USERNAME,
      password: env.DISCOVERY_NACOS_PASSWORD,
    },
    kubernetes: { url: env.DISCOVERY_KUBERNETES_URL, credentials: env.DISCOVERY_KUBERNETES_CREDENTIALS },
  };
}

export type DiscoveryOptions = ReturnType<typeof discoveryOptions>;
/** What every source is told. */
export type SourceOptions = Pick<
  DiscoveryOptions,
  'timeoutMs' | 'refreshMs' | 'watchMs' | 'dnsServers' | 'consul' | 'nacos' | 'kubernetes'
>;
export type BalancerOptions = Pick<DiscoveryOptions, 'balancer' | 'decayMs' | 'warmUpMs' | 'zone' | 'ejection'>;
