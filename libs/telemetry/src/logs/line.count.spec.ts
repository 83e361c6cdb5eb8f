import { expect, it } from '@jest/globals';
import { catalogue } from '../metrics/catalogue.js';
import { registry } from '../metrics/registry.js';
import { createLogger } from './logger.js';
import { requestLines } from './request.line.js';

it('counts lines that say of something wrong, those of requests too, and only those that are written', async () => {
  const logger = createLogger({ write: () => undefined });
  logger.level = 'info';
  const request = requestLines(logger);
  const line = {
    traceId: '',
    spanId: '',
    method: 'GET',
    route: '/',
    path: '/',
    status: 500,
    durationMs: 1,
    message: '',
  };
  logger.debug('no');
  logger.info('no');
  logger.warn('yes');
  logger.error('yes');
  request('info', line);
  request('error', line);
  logger.level = 'error';
  logger.warn('no');
  const { values } = (await registry.getSingleMetric(catalogue.logLines.name)?.get()) ?? { values: [] };
  expect(values.map(({ labels, value }) => [labels.level, value])).toEqual([
    ['warn', 1],
    ['error', 2],
  ]);
});
