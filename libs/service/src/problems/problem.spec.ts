import { describe, expect, it } from '@jest/globals';
import { ProblemException, toProblem } from './problem.js';

const init = { status: 409, code: 'out_of_stock', detail: 'There is not enough keel in stock.' };

describe('toProblem', () => {
  it('makes the document of RFC 9457, with a code and the trace', () => {
    expect(toProblem(init, { path: '/orders', traceId: 't1' })).toEqual({
      type: 'urn:problem-type:out_of_stock',
      title: 'Conflict',
      status: 409,
      detail: 'There is not enough keel in stock.',
      instance: '/orders',
      code: 'out_of_stock',
      traceId: 't1',
    });
  });

  it('leaves out what there is not', () => {
    expect(Object.keys(toProblem(init, { path: '/' }))).not.toEqual(expect.arrayContaining(['traceId']));
    expect(Object.keys(toProblem(init, { path: '/' }))).not.toEqual(expect.arrayContaining(['errors']));
  });

  it('names invalid fields and carries further members', () => {
    const errors = [{ path: 'items.0.quantity', message: 'More than there is' }];
    expect(toProblem({ ...init, errors, extensions: { orderId: '7' } }, { path: '/' })).toMatchObject({
      errors,
      orderId: '7',
    });
  });

  it('lets no further member replace a standard one', () => {
    const standard = toProblem({ ...init, errors: [] }, { path: '/', traceId: 't1' });
    const extensions = Object.fromEntries(Object.keys(standard).map((name) => [name, 'replaced']));
    expect(toProblem({ ...init, errors: [], extensions }, { path: '/', traceId: 't1' })).toEqual(standard);
    expect(toProblem({ ...init, extensions }, { path: '/' })).toEqual(toProblem(init, { path: '/' }));
  });

  it('has a title for a status that nobody registered', () => {
    expect(toProblem({ ...init, status: 499 }, { path: '/' }).title).toBe('Error');
  });
});

describe('ProblemException', () => {
  it('is an HttpException of its status, with its detail and cause', () => {
    const cause = new Error('why');
    const error = new ProblemException({ ...init, cause });
    expect(error.getStatus()).toBe(409);
    expect(error).toMatchObject({ message: init.detail, cause });
  });
});
