/**
 * The preload: `node --import @app/telemetry/register dist/main.js`.
 *
 * It runs before the service's imports, because OpenTelemetry can only instrument what is loaded after it.
 */
import { register, supportsSyncHooks } from 'import-in-the-middle/register-hooks.mjs';

if (!supportsSyncHooks()) {
  process.stderr.write(
    `This service needs Node 24.11.1 or newer and got ${process.version}. Start it with \`pnpm start\`, which brings its own, or install Node 24.\n`,
  );
  process.exit(1);
}

register({ include: ['pg', 'pg-pool', 'redis', '@redis/client'] });

const { startTracing } = await import('./traces/sdk.js');
startTracing();
