import { describe, expect, it } from '@jest/globals';
import { serializeError } from './error.serializer.js';

describe('serializeError', () => {
  it('tells type, message, code and stack', () => {
    class PaymentError extends TypeError {
      readonly code = 'payment_lost';
    }
    expect(serializeError(new PaymentError('no answer'))).toEqual({
      type: 'PaymentError',
      message: 'no answer',
      code: 'payment_lost',
      stack: expect.stringContaining('error.serializer.spec'),
    });
  });

  it('tells nothing of the request that an HTTP client’s error carries', () => {
    const request = { headers: { authorization: 'Bearer s3cret' }, data: '{"cardNumber":"s3cret"}' };
    const error = Object.assign(new Error('Request failed'), {
      code: 'ERR_BAD_REQUEST',
      config: request,
      request,
      response: { config: request, data: 's3cret' },
      toJSON: () => request,
    });
    expect(JSON.stringify(serializeError(new Error('payments failed', { cause: error })))).not.toContain('s3cret');
  });

  it('hides passwords of URLs in message and stack', () => {
    const serialized = serializeError(new Error('cannot reach postgres://app:s3cret@db/orders'));
    expect(serialized.message).toBe('cannot reach postgres://app:[redacted]@db/orders');
    expect(serialized.stack).not.toContain('s3cret');
  });

  it('follows the causes, four errors deep', () => {
    const chain = ['e', 'd', 'c', 'b', 'a'].reduce<Error | undefined>(
      (cause, message) => new Error(message, { cause }),
      undefined,
    );
    const messages = [];
    for (
      let at: { message: string; cause?: object } | undefined = serializeError(chain);
      at;
      at = at.cause as typeof at
    )
      messages.push(at.message);
    expect(messages).toEqual(['a', 'b', 'c', 'd']);
  });

  it('ends where an error is its own cause', () => {
    const error = new Error('round');
    error.cause = error;
    expect(JSON.stringify(serializeError(error))).toContain('round');
  });

  it.each([
    ['a text with redis://:s3cret@cache', { type: 'string', message: 'a text with redis://:[redacted]@cache' }],
    [undefined, { type: 'undefined', message: 'undefined' }],
    [null, { type: 'object', message: 'null' }],
  ])('takes %s, which is no error', (thrown, serialized) => {
    expect(serializeError(thrown)).toEqual(serialized);
  });
});
