import { isResilienceError } from '@app/resilience';
import { BoundHistogram, catalogue } from '@app/telemetry';
import { trace } from '@opentelemetry/api';

const operations = new Set(['select', 'insert', 'update', 'delete', 'begin', 'commit', 'rollback']);

const durations = new BoundHistogram(catalogue.postgresStatements, (operation, errorType) => ({
  db_operation_name: operation,
  error_type: errorType,
}));

/** Measures a statement until it has its answer, whatever that is. */
export async function observeStatement<T>(text: string, result: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const observe = (errorType: string) =>
    durations.observe(
      operationOf(text),
      errorType,
      '',
      (performance.now() - startedAt) / 1_000,
      trace.getActiveSpan()?.spanContext(),
    );
  try {
    const answer = await result;
    observe('');
    return answer;
  } catch (error) {
    observe(isResilienceError(error) ? error.code : 'error');
    throw error;
  }
}

/** The statement's first word, where it is one of the usual ones. */
function operationOf(text: string): string {
  const word = /^\s*(\w+)/.exec(text)?.[1]?.toLowerCase() ?? '';
  return operations.has(word) ? word : 'other';
}
