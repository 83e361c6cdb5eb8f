import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface ServiceIdentity {
  /** `service.name` on spans, `service` on log lines. */
  name: string;
  version: string;
}

/**
 * Who this process is: `OTEL_SERVICE_NAME`, otherwise the name of the package that its main script lies in, without the scope.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/resource/#service
 */
export function serviceIdentity(mainScript = process.argv[1] ?? ''): ServiceIdentity {
  const manifest = nearestManifest(dirname(mainScript));
  return {
    name: process.env.OTEL_SERVICE_NAME || manifest.name?.replace(/^@[^/]+\//, '') || 'unknown_service',
    version: manifest.version ?? '0.0.0',
  };
}

function nearestManifest(folder: string): { name?: string; version?: string } {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  } catch {
    const parent = dirname(folder);
    return parent === folder ? {} : nearestManifest(parent);
  }
}
