import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { serviceIdentity } from './service-identity.js';

describe('serviceIdentity', () => {
  let folder: string;
  const script = () => join(folder, 'dist', 'main.js');
  const manifest = (content: object) => writeFileSync(join(folder, 'package.json'), JSON.stringify(content));

  beforeEach(() => {
    delete process.env.OTEL_SERVICE_NAME;
    folder = mkdtempSync(join(tmpdir(), 'identity-'));
    mkdirSync(join(folder, 'dist'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is the package of the main script, without its scope', () => {
    manifest({ name: '@app/orders', version: '1.2.3' });
    expect(serviceIdentity(script())).toEqual({ name: 'orders', version: '1.2.3' });
  });

  it('is what OTEL_SERVICE_NAME says, where it says something', () => {
    manifest({ name: '@app/orders', version: '1.2.3' });
    process.env.OTEL_SERVICE_NAME = 'orders-eu';
    expect(serviceIdentity(script())).toEqual({ name: 'orders-eu', version: '1.2.3' });
    process.env.OTEL_SERVICE_NAME = '';
    expect(serviceIdentity(script()).name).toBe('orders');
  });

  it('has a name where there is no package at all', () => {
    expect(serviceIdentity('/main.js')).toEqual({ name: 'unknown_service', version: '0.0.0' });
  });

  it('has a version where the package has none', () => {
    manifest({ name: 'orders' });
    expect(serviceIdentity(script())).toEqual({ name: 'orders', version: '0.0.0' });
  });
});
