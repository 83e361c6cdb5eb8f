import { tmpdir } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { DataDiskHealth } from './data-disk.health.js';

describe('the health of the disk of the data', () => {
  it('is degraded while too little of it is free', async () => {
    expect(await new DataDiskHealth(tmpdir(), 0).check()).toEqual({ status: 'ok' });
    expect(await new DataDiskHealth(tmpdir(), 1.1).check()).toEqual({ status: 'degraded', reason: 'full' });
  });

  it('is not known where the folder is gone', async () => {
    await expect(new DataDiskHealth('/no/such/folder').check()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
