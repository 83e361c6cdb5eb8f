import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
const service = join(import.meta.dirname, '..', 'apps', 'orders');
const loaded = 'console.log(JSON.stringify(Object.keys(require.cache)))';

describe('the preload', () => {
  it('loads of OpenTelemetry what a service uses', async () => {
    expect(await packagesOf({})).not.toContain('@grpc/grpc-js');
  });

  it.each([{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, { OTEL_TRACES_EXPORTER: 'zipkin' }, { OTEL_PROPAGATORS: 'b3' }])(
    'loads all of it for %p',
    async (env) => {
      const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
      expect(await packagesOf({ ...endpoint, ...env })).toContain('@grpc/grpc-js');
    },
  );
});

async function packagesOf(env: NodeJS.ProcessEnv): Promise<string> {
  const { stdout } = await run(process.execPath, ['--import', '@app/telemetry/register', '--eval', loaded], {
    cwd: service,
    env: { PATH: process.env.PATH, ...env },
    timeout: 30_000,
  });
  return stdout;
}
