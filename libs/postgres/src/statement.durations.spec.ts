import { ResilienceError } from '@app/resilience';
import { catalogue, registry } from '@app/telemetry';
import { expect, it } from '@jest/globals';
import { observeStatement } from './statement.durations.js';

it('counts statements by their first word, failed ones by what they failed with, and nothing of what they say', async () => {
  const fail = (error: Error) => Promise.reject(error);
  const late = new ResilienceError({ code: 'deadline_exceeded', client: 'postgres' });
  expect(await observeStatement('select secret from safe', Promise.resolve(1))).toBe(1);
  await observeStatement('  SELECT 1', Promise.resolve());
  await observeStatement('vacuum', Promise.resolve());
  await expect(observeStatement('update t', fail(late))).rejects.toBe(late);
  await expect(observeStatement('insert into t', fail(new Error('duplicate')))).rejects.toThrow('duplicate');

  const text = await registry.getSingleMetricAsString(catalogue.postgresStatements.name);
  const counts = [...text.matchAll(/_count\{db_operation_name="(.*)",error_type="(.*)"\} (\d+)/g)];
  expect(counts.map(([, ...found]) => found)).toEqual([
    ['select', '', '2'],
    ['other', '', '1'],
    ['update', 'deadline_exceeded', '1'],
    ['insert', 'error', '1'],
  ]);
});
