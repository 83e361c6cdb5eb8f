import type { MaybeOverloaded } from '@app/resilience';
import { isAxiosError } from 'axios';
import { overloaded } from './classify.js';
import { type Problem, ProblemException } from './problem.js';

/**
 * Runs a call to another service of ours and passes on its problem documents with these statuses: they are about our caller's request,
 * not about us. Any other failure is thrown as it is.
 */
export async function relayProblem<T>(statuses: readonly number[], call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const problem =
      isAxiosError(error) && error.response && statuses.includes(error.response.status) && error.response.data;
    if (!isProblem(problem)) throw error;
    const { type, title, status, detail, instance, code, traceId, errors, ...extensions } = problem;
    // An answer about our caller's request is repeated by nobody, so it needs no mark.
    const mayPass = status >= 500 || status === 408 || status === 429;
    const headers = mayPass && (error as MaybeOverloaded).overloaded ? overloaded : undefined;
    throw new ProblemException({ status, code, detail, errors, extensions, headers, cause: error });
  }
}

function isProblem(data: unknown): data is Problem {
  const { status, code, detail } = (data ?? {}) as Record<string, unknown>;
  return typeof status === 'number' && typeof code === 'string' && typeof detail === 'string';
}
