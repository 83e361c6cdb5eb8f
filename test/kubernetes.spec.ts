import { execFileSync, spawn } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseEnv } from 'node:util';
import { eventually, freePort, isInstalled, KubernetesApi, type PostgresServer, startPostgres } from '@app/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { apps, imageCommand, imageEnv, variablesOf } from './apps.js';
import { unknownFields, validate } from './kubernetes.schemas.js';

/** No cluster is here to try it: what is built is checked against Kubernetes' schemas and against the code, and run as its processes. */
const withKubectl = isInstalled('kubectl', 'help') ? describe : describe.skip;
const overlays = ['development', 'production'];

/** What an overlay is made into. */
function build(folder: string): KubernetesObject[] {
  const text = execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  return parseAllDocuments(text).map((document) => document.toJS());
}
/** So many services start beside each other. */
const atOnce = 3;

interface Container {
  name: string;
  image: string;
  command?: string[];
  ports?: { name: string; containerPort: number }[];
  env?: { name: string; value?: string }[];
  envFrom?: { configMapRef?: { name: string }; secretRef?: { name: string } }[];
  resources?: { limits?: Record<string, string> };
  securityContext?: { readOnlyRootFilesystem?: boolean; allowPrivilegeEscalation?: boolean; capabilities?: object };
  startupProbe?: Probe;
  livenessProbe?: Probe;
  readinessProbe?: Probe;
}
interface Probe {
  httpGet: { path: string; port: string };
  periodSeconds: number;
  failureThreshold: number;
}
interface Pod {
  serviceAccountName?: string;
  automountServiceAccountToken?: boolean;
  terminationGracePeriodSeconds: number;
  securityContext?: { runAsNonRoot?: boolean; runAsUser?: number; seccompProfile?: { type: string } };
  initContainers?: Container[];
  containers: [Container, ...Container[]];
}
interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  data?: Record<string, string>;
  spec?: { template?: { metadata: { labels: Record<string, string> }; spec: Pod } } & Record<string, unknown>;
}

withKubectl.each(overlays)('deploy/%s', (overlay) => {
  let objects: KubernetesObject[];

  beforeAll(() => {
    objects = build(`deploy/${overlay}`);
  });

  const all = (kind: string) => objects.filter((object) => object.kind === kind);
  const find = (kind: string, name: string) => {
    const found = all(kind).find(({ metadata }) => metadata.name === name);
    if (!found) throw new Error(`${overlay} has no ${kind} ${name}`);
    return found;
  };
  const podOf = (kind: 'Deployment' | 'Job', name: string) => find(kind, name).spec?.template?.spec as Pod;
  const pods = () =>
    objects.flatMap(({ metadata: { name }, spec }) => (spec?.template ? { name, ...spec.template } : []));
  const containersOf = ({ initContainers = [], containers }: Pod) => [...initContainers, ...containers];

  /** What is set by the overlay, the app and the container itself; the later one counts. */
  function envOf({ env = [], envFrom = [] }: Container): Record<string, string> {
    const maps = envFrom.flatMap(({ configMapRef }) =>
      configMapRef ? [find('ConfigMap', configMapRef.name).data] : [],
    );
    return Object.assign({}, ...maps, Object.fromEntries(env.map(({ name, value = '' }) => [name, value])));
  }

  it('has objects that Kubernetes’ schemas allow, without a field that they do not know', async () => {
    expect(await Promise.all(objects.map(validate))).toEqual(objects.map(() => []));
    expect(unknownFields(objects)).toEqual([]);
  }, 60_000);

  it('runs nothing as root, with a writable root, with more rights than it needs, without limits, or of an unnamed version', () => {
    for (const { name, spec } of pods()) {
      expect([name, spec.securityContext]).toEqual([
        name,
        expect.objectContaining({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }),
      ]);
      expect(spec.securityContext?.runAsUser).toBeGreaterThan(0);
      for (const { image, resources, securityContext } of containersOf(spec)) {
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(Object.keys(resources?.limits ?? {}).toSorted()).toEqual(['cpu', 'memory']);
        expect(image).toMatch(/^[^:]+:(?!latest$)[^:]+$/);
      }
    }
  });

  it('leaves a part of the memory to what is not the heap', () => {
    const [percentage = 0, semiSpace = 0] = (imageEnv.NODE_OPTIONS?.match(/(?<=size(-percentage)?=)\d+/g) ?? []).map(
      Number,
    );
    const ours = pods().flatMap(({ spec }) => spec.containers.filter(({ envFrom }) => envFrom));
    for (const { name, resources } of ours) {
      const [, limit = 0] = /^(\d+)Mi$/.exec(resources?.limits?.memory ?? '') ?? [];
      const heap = (Number(limit) * percentage) / 100 + 3 * semiSpace;
      expect([name, heap > 0.5 * Number(limit), heap < 0.85 * Number(limit)]).toEqual([name, true, true]);
    }
  });

  it('selects what it means to', () => {
    const labels = pods().map(({ metadata }) => metadata.labels);
    const selects = (selector: Record<string, string>) =>
      labels.filter((pod) => Object.entries(selector).every(([key, value]) => pod[key] === value));
    for (const app of apps) {
      const own = { 'app.kubernetes.io/name': app, 'app.kubernetes.io/component': 'service' };
      expect(selects(own)).toHaveLength(1);
      expect(find('Service', app).spec?.selector).toEqual(own);
      expect(find('Deployment', app).spec?.selector).toEqual({ matchLabels: own });
      expect(find('NetworkPolicy', app).spec?.podSelector).toEqual({ matchLabels: own });
      for (const { labelSelector } of (podOf('Deployment', app) as unknown as Spread).topologySpreadConstraints)
        expect(labelSelector).toEqual({ matchLabels: own });
    }
    for (const budget of all('PodDisruptionBudget'))
      expect(selects((budget.spec as unknown as Selector).selector.matchLabels)).toHaveLength(1);
    for (const { spec } of all('HorizontalPodAutoscaler'))
      expect(apps).toContain((spec as { scaleTargetRef?: { name: string } }).scaleTargetRef?.name);
    for (const { spec } of all('PodMonitor'))
      expect(selects((spec as unknown as Selector).selector.matchLabels)).toHaveLength(apps.length);
  });

  it.each(apps)('sets only what %s reads, and what it must know', async (app) => {
    const known = await variablesOf(app);
    const pod = podOf('Deployment', app);
    const { image, ports, env = [], envFrom = [] } = pod.containers[0];
    const ofOthers = /^(OTEL_\w+|POD_NAME|POD_NAMESPACE|APP)$/;
    const names = Object.keys(envOf(pod.containers[0])).filter((name) => !ofOthers.test(name));
    // Development gives a database to all.
    expect(names.filter((name) => !known.has(name) && name !== 'DATABASE_URL')).toEqual([]);
    expect(image).toMatch(new RegExp(`^[\\w./-]*${app}:`));
    expect(envFrom.map(({ secretRef }) => secretRef?.name)).toContain(app);
    expect(env.filter(({ name }) => ofOthers.test(name)).length).toBeGreaterThan(0);
    expect(ports?.map(({ name, containerPort }) => [name, String(containerPort)])).toEqual([
      ['http', imageEnv.PORT],
      ['admin', imageEnv.ADMIN_PORT],
    ]);
    const migrates = all('Job').some(({ metadata }) => metadata.name === `${app}-migration`);
    expect(migrates).toBe(existsSync(`apps/${app}/src/migrate.ts`));
  });

  it.each(apps)('lets %s see the instances of others only where it looks for them', (app) => {
    const pod = podOf('Deployment', app);
    const looks = Object.values(envOf(pod.containers[0])).filter((value) => value.startsWith('k8s:'));
    const bindings = all('RoleBinding').filter((binding) =>
      (binding as unknown as { subjects: { name: string }[] }).subjects.some(({ name }) => name === app),
    );
    expect(pod.serviceAccountName).toBe(app);
    expect(pod.automountServiceAccountToken).toBe(looks.length > 0);
    expect(bindings).toHaveLength(looks.length > 0 ? 1 : 0);
    for (const address of looks) {
      const [, name = '', port] = /^k8s:http:\/\/([\w-]+):(\w+)/.exec(address) ?? [];
      expect(find('Service', name).spec?.ports).toContainEqual(expect.objectContaining({ name: port }));
    }
    for (const { rules } of all('Role') as unknown as { rules: object[] }[])
      expect(rules).toEqual([
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
      ]);
  });

  it.each(apps)('gives %s longer to stop than its bounds allow it to take', async (app) => {
    const known = await variablesOf(app);
    const pod = podOf('Deployment', app);
    // The delay is longer in production, which images are.
    const env: Record<string, string> = { SHUTDOWN_DELAY_MS: '5000', ...envOf(pod.containers[0]) };
    const ms = (name: string) => Number(env[name] ?? known.get(name));
    const leave = ms('DISCOVERY_TIMEOUT_MS');
    const longest = leave + ms('SHUTDOWN_DELAY_MS') + 3 * ms('DRAIN_TIMEOUT_MS') + ms('FLUSH_TIMEOUT_MS');
    expect(pod.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(longest);
  });

  // The bounds of production are the longer ones.
  if (overlay === 'production')
    describe('as processes', () => {
      const folder = mkdtempSync(join(tmpdir(), 'ballast-pod-'));
      let postgres: PostgresServer;
      let api: KubernetesApi;

      beforeAll(async () => {
        postgres = await startPostgres();
        api = await KubernetesApi.start();
        writeFileSync(join(folder, 'token'), api.token);
        writeFileSync(join(folder, 'namespace'), 'ballast');
      });
      afterAll(async () => {
        await api?.stop();
        await postgres?.stop();
        rmSync(folder, { recursive: true, force: true });
      });

      it('start, pass their probes in order and stop in time', async () => {
        for (let first = 0; first < apps.length; first += atOnce)
          await Promise.all(apps.slice(first, first + atOnce).map(startAndStop));
      }, 180_000);

      async function startAndStop(app: string): Promise<void> {
        const pod = podOf('Deployment', app);
        const [container] = pod.containers;
        const own = {
          ...imageEnv,
          DATABASE_URL: await postgres.database(app.replaceAll('-', '_')),
          HOST: '127.0.0.1',
          PORT: String(await freePort()),
          ADMIN_PORT: String(await freePort()),
          DISCOVERY_KUBERNETES_URL: api.url,
          DISCOVERY_KUBERNETES_CREDENTIALS: folder,
        };
        const run = (of: Container, [file = '', ...args]: string[]) => {
          const env = { PATH: process.env.PATH, ...envOf(of), ...own };
          const program = file === 'node' ? process.execPath : file;
          const child = spawn(program, args, { cwd: `apps/${app}`, env, stdio: 'pipe' });
          let said = '';
          for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
          const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
          return { child, exited, said: () => said };
        };
        if (existsSync(`apps/${app}/src/migrate.ts`)) {
          const [migration] = podOf('Job', `${app}-migration`).containers;
          const { exited, said } = run(migration, migration.command ?? []);
          if ((await exited) !== 0) throw new Error(`the migration of ${app} failed:\n${said()}`);
        }
        const { child, exited, said } = run(container, container.command ?? imageCommand('CMD'));
        try {
          for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
            const { httpGet, periodSeconds, failureThreshold } = probe as Probe;
            expect(httpGet.port).toBe('admin');
            const ask = async () => (await fetch(`http://127.0.0.1:${own.ADMIN_PORT}${httpGet.path}`)).status === 200;
            await eventually(`${app} ${httpGet.path}`, ask, { timeoutMs: periodSeconds * failureThreshold * 1_000 });
          }
          const toldAt = performance.now();
          child.kill('SIGTERM');
          if ((await exited) !== 0) throw new Error(`${app} did not stop in order:\n${said()}`);
          expect(performance.now() - toldAt).toBeLessThan(pod.terminationGracePeriodSeconds * 1_000);
        } finally {
          child.kill('SIGKILL');
        }
      }
    });
});

interface Selector {
  selector: { matchLabels: Record<string, string> };
}
interface Spread {
  topologySpreadConstraints: { labelSelector: object }[];
}

withKubectl('the example in docs/production.md', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(realpathSync(tmpdir()), 'ballast-overlay-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('builds what schemas allow, of the version and with the settings that it names', async () => {
    const [, example = ''] = /^```yaml\n(.*?)^```/ms.exec(readFileSync('docs/production.md', 'utf8')) ?? [];
    // It speaks of one app; there may be others here.
    const [, spokenOf = ''] = /name: ballast\/([\w-]+)/.exec(example) ?? [];
    const text = example
      .replaceAll(new RegExp(`\\b${spokenOf}\\b`, 'g'), apps[0] ?? '')
      .replace('../production', relative(folder, 'deploy/production'));
    writeFileSync(join(folder, 'kustomization.yml'), text);
    const objects = build(folder);
    expect(await Promise.all(objects.map(validate))).toEqual(objects.map(() => []));
    expect(unknownFields(objects)).toEqual([]);

    const { images, configMapGenerator } = parse(text) as Example;
    const built = objects.flatMap(({ spec }) => spec?.template?.spec.containers.map(({ image }) => image) ?? []);
    for (const { newName, newTag } of images) expect(built).toContain(`${newName}:${newTag}`);
    for (const { name, literals } of configMapGenerator) {
      const data = objects.find(
        ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.startsWith(`${name}-`),
      )?.data;
      for (const [variable = '', value] of literals.map((literal) => literal.split('=')))
        expect([name, variable, data?.[variable]]).toEqual([name, variable, value]);
    }
  });
});

interface Example {
  images: { newName: string; newTag: string }[];
  configMapGenerator: { name: string; literals: string[] }[];
}

describe('the check of objects', () => {
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: { ports: [{ port: 80 }] } };

  it('finds what schemas do not allow, and what they do not know', async () => {
    expect([await validate(service), unknownFields([service])]).toEqual([[], []]);
    const wrong = { ...service, spec: { ports: [{ port: 'http' }] } };
    expect(await validate(wrong)).toHaveLength(1);
    const unknown = { ...service, spec: { ports: [{ port: 80, prot: 'TCP' }] } };
    expect(unknownFields([unknown])).toEqual([expect.stringContaining('prot')]);
    expect(await validate({ ...service, kind: 'Servise' })).toHaveLength(1);
  });
});

describe('what Kubernetes shares with others', () => {
  const yaml = (file: string) => parse(readFileSync(file, 'utf8'));

  it('are all rules, and all dashboards', () => {
    const groups = globSync('prometheus/rules/*.yml').flatMap((file) => yaml(file).groups);
    const { spec } = yaml('prometheus/kubernetes/rules.yml');
    expect(spec.groups).toHaveLength(groups.length);
    expect(spec.groups).toEqual(expect.arrayContaining(groups));
    const { configMapGenerator } = yaml('grafana/kustomization.yml');
    expect(configMapGenerator.flatMap(({ files }: { files: string[] }) => files).toSorted()).toEqual(
      globSync('dashboards/*.json', { cwd: 'grafana' }).sort(),
    );
  });

  it('is the version of Postgres', () => {
    const { POSTGRES_IMAGE } = parseEnv(readFileSync('versions.env', 'utf8'));
    const { images } = yaml('deploy/development/kustomization.yml');
    const { name, newTag } = images.find((image: { name: string }) => image.name === 'postgres');
    expect(`${name}:${newTag}`).toBe(POSTGRES_IMAGE);
  });
});
