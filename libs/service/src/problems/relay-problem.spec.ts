import { describe, expect, it } from '@jest/globals';
import { AxiosError, AxiosHeaders, type AxiosResponse } from 'axios';
import { ProblemException, toProblem } from './problem.js';
import { relayProblem } from './relay-problem.js';

const problem = {
  ...toProblem({ status: 409, code: 'out_of_stock', detail: 'No keel.' }, { path: '/orders', traceId: 't1' }),
  errors: [{ path: 'items.0', message: 'none left' }],
  orderId: '7',
};

function answered(status: number, data: unknown): AxiosError {
  const config = { headers: new AxiosHeaders() };
  const response: AxiosResponse = { status, statusText: '', headers: {}, config, data };
  return new AxiosError('Request failed', 'ERR_BAD_REQUEST', config, undefined, response);
}

const relayed = (error: Error) =>
  relayProblem([404, 409], () => Promise.reject(error)).catch((thrown: unknown) => thrown);

describe('relayProblem', () => {
  it('gives what the call gives', async () => {
    expect(await relayProblem([404], async () => 'order')).toBe('order');
  });

  it('passes on a problem with one of the statuses, as its own', async () => {
    const cause = answered(409, problem);
    const error = (await relayed(cause)) as ProblemException;
    expect(error).toBeInstanceOf(ProblemException);
    expect(error.init).toEqual({
      status: 409,
      code: 'out_of_stock',
      detail: 'No keel.',
      errors: [{ path: 'items.0', message: 'none left' }],
      extensions: { orderId: '7' },
      cause,
    });
  });

  it('passes on that retries were spent on what might pass', async () => {
    const marked = (status: number) => Object.assign(answered(status, { ...problem, status }), { overloaded: true });
    const relay = (error: Error) =>
      relayProblem([409, 503], () => Promise.reject(error)).catch(
        (thrown: unknown) => (thrown as ProblemException).init,
      );
    expect(await relay(marked(503))).toMatchObject({ status: 503, headers: { 'x-envoy-overloaded': 'true' } });
    expect(await relay(answered(503, { ...problem, status: 503 }))).toMatchObject({ status: 503, headers: undefined });
    expect(await relay(marked(409))).toMatchObject({ status: 409, headers: undefined });
  });

  it.each([
    ['another status', answered(422, { ...problem, status: 422 })],
    ['no problem document', answered(404, '<html>not found</html>')],
    ['half a problem document', answered(404, { status: 404, code: 'not_found' })],
    ['nothing at all', answered(404, undefined)],
    ['no answer', new AxiosError('connect ECONNREFUSED', 'ECONNREFUSED')],
    ['another error', new TypeError('a bug')],
  ])('throws as it is what comes with %s', async (_what, error) => {
    expect(await relayed(error)).toBe(error);
  });
});
