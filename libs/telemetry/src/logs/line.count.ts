import { type Level, levels } from 'pino';
import { catalogue } from '../metrics/catalogue.js';
import { counter } from '../metrics/registry.js';

const lines = counter(catalogue.logLines);

/** Counts a line that says of something wrong. */
export function countLine(level: Level): void {
  if (levels.values[level]! >= levels.values.warn!) lines.inc({ level });
}
