import { describe, expect, it } from '@jest/globals';
import { redact, redactCredentials, redactedKeys } from './redaction.js';

describe('redact', () => {
  it.each(redactedKeys)('hides the value of %s, whatever its case', (key) => {
    const fields = { [key]: 's3cret', [key.toUpperCase()]: 's3cret', [key.toLowerCase()]: { deep: 's3cret' } };
    expect(new Set(Object.values(redact(fields)))).toEqual(new Set(['[redacted]']));
  });

  it('hides secrets up to two levels below the top', () => {
    const fields = { token: 1, a: { token: 2, b: { token: 3, kept: 4 } } };
    expect(redact(fields)).toEqual({
      token: '[redacted]',
      a: { token: '[redacted]', b: { token: '[redacted]', kept: 4 } },
    });
  });

  it('hides passwords in URLs under any key', () => {
    expect(redact({ a: { b: { url: 'postgres://app:s3cret@db/orders' } } })).toEqual({
      a: { b: { url: 'postgres://app:[redacted]@db/orders' } },
    });
  });

  it('looks into lists, which stay lists', () => {
    expect(redact({ peers: ['redis://:s3cret@a', 'b'], users: [{ name: 'ann', password: 's3cret' }] })).toEqual({
      peers: ['redis://:[redacted]@a', 'b'],
      users: [{ name: 'ann', password: '[redacted]' }],
    });
  });

  it('leaves the fields that it was given as they are', () => {
    const fields = { user: { password: 's3cret' } };
    redact(fields);
    expect(fields).toEqual({ user: { password: 's3cret' } });
  });

  it('gives the same object back when there is nothing to hide', () => {
    const fields = { order: '1', tokens: 3, a: { b: { c: 'https://example.com/x' } }, err: new Error('x'), none: null };
    expect(redact(fields)).toBe(fields);
  });
});

describe('redactCredentials', () => {
  it.each([
    ['postgres://app:s3cret@db:5432/orders', 'postgres://app:[redacted]@db:5432/orders'],
    ['redis://:s3cret@cache', 'redis://:[redacted]@cache'],
    ['postgres://app@tenant:s3cret@db/orders', 'postgres://app@tenant:[redacted]@db/orders'],
    ['https://a:p@ss@host/', 'https://a:[redacted]@host/'],
    ['from amqp://a:b@one to amqp://c:d@two', 'from amqp://a:[redacted]@one to amqp://c:[redacted]@two'],
    ['http://127.0.0.1:3000/users/a@b.example', 'http://127.0.0.1:3000/users/a@b.example'],
    ['nothing to see', 'nothing to see'],
  ])('makes %s into %s', (text, safe) => {
    expect(redactCredentials(text)).toBe(safe);
  });
});
