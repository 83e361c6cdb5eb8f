/**
 * The preload: `node --import @app/telemetry/register dist/main.js`.
 *
 * It runs before the service's imports, because OpenTelemetry can only instrument what is loaded after it.
 */
import { startTracing } from './traces/start-tracing.js';

await startTracing();
