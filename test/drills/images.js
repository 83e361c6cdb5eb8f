import { existsSync, readdirSync } from 'node:fs';
import { eventually, freePort, startPostgres } from '@app/testing';
import { run } from '../../tools/dev/run.js';

/** What a Deployment allows a container: deploy/service/deployment.yml. */
const restrictions = [
  ...['--read-only', '--user=1000:1000', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--memory=512m'],
  ...['--network=host', '--env=HOST=127.0.0.1'],
];
const apps = readdirSync('apps').filter((name) => existsSync(`apps/${name}/package.json`));

/** Builds the image of each app, and runs it as Kubernetes would: it migrates, becomes healthy, and stops in order. Needs Docker on Linux. */
export async function drill() {
  const postgres = await startPostgres();
  try {
    for (const app of apps) await tryImage(app, `DATABASE_URL=${await postgres.database(app)}`);
  } finally {
    await postgres.stop();
  }
}

async function tryImage(app, databaseUrl) {
  const image = `ballast/${app}:drill`;
  await docker('build', '--network=host', `--build-arg=APP=${app}`, `--tag=${image}`, '.');
  const options = [...restrictions, `--env=${databaseUrl}`];
  if (existsSync(`apps/${app}/src/migrate.ts`))
    await docker('run', '--rm', ...options, image, 'node', 'dist/migrate.js');

  const [port, adminPort] = [await freePort(), await freePort()];
  const id = await docker('run', '--detach', ...options, `--env=PORT=${port}`, `--env=ADMIN_PORT=${adminPort}`, image);
  try {
    const inspect = (format) => docker('inspect', `--format=${format}`, id);
    await eventually(`${app} is healthy`, async () => (await inspect('{{.State.Health.Status}}')) === 'healthy', {
      timeoutMs: 60_000,
      everyMs: 500,
    });
    const { status } = await fetch(`http://127.0.0.1:${adminPort}/livez`);
    const heap = 'Math.round(require("v8").getHeapStatistics().heap_size_limit / 2 ** 20)';
    const megabytes = await docker('exec', id, 'node', '--print', heap);
    await docker('stop', '--time=45', id);
    const code = await inspect('{{.State.ExitCode}}');
    process.stdout.write(`  ${app}: /livez ${status}, a heap of ${megabytes} of 512 MiB, stopped with ${code}\n`);
    if (status !== 200 || code !== '0') throw new Error(await docker('logs', id));
  } finally {
    await docker('rm', '--force', id);
  }
}

const docker = async (...arguments_) => (await run('docker', arguments_, { quiet: true })).trim();
