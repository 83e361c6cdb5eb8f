import { describe, expect, it } from '@jest/globals';
import { refusalOf } from './admin.guard.js';

const local = {
  remoteAddress: '127.0.0.1',
  headers: { host: '127.0.0.1:9001', 'content-type': 'application/json' } as Record<string, string>,
};
const withHeader = (name: string, value: string) => ({ ...local, headers: { ...local.headers, [name]: value } });
const without = (name: string) => ({
  ...local,
  headers: Object.fromEntries(Object.entries(local.headers).filter(([header]) => header !== name)),
});

describe('an admin write without ADMIN_TOKEN', () => {
  it.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])('may come from %s', (remoteAddress) => {
    expect(refusalOf({ ...local, remoteAddress })).toBeUndefined();
  });

  it.each(['10.0.0.7', '::ffff:10.0.0.7', 'fe80::1', '1127.0.0.1', '127.0.0.1.evil', undefined])(
    'may not come from %s',
    (remoteAddress) => {
      expect(refusalOf({ ...local, remoteAddress })).toMatch('only this machine');
    },
  );

  it.each(['localhost', 'localhost:9001', '127.0.0.1', '[::1]:9001'])('may name the host %s', (host) => {
    expect(refusalOf(withHeader('host', host))).toBeUndefined();
  });

  it.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:9001', 'evil.example#127.0.0.1', ''])(
    'may not name the host %j, as a rebound DNS name would',
    (host) => {
      expect(refusalOf(withHeader('host', host))).toMatch('Host');
      expect(refusalOf(without('host'))).toMatch('Host');
    },
  );

  it.each(['https://evil.example', 'http://127.0.0.1:9001', 'null', ''])(
    'may not come from a web page (Origin: %s)',
    (origin) => {
      expect(refusalOf(withHeader('origin', origin))).toMatch('web pages');
    },
  );

  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON'])('may be %s', (type) => {
    expect(refusalOf(withHeader('content-type', type))).toBeUndefined();
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/jsonp', ''])(
    'may not be %j, which a form can send',
    (type) => {
      expect(refusalOf(withHeader('content-type', type))).toMatch('application/json');
      expect(refusalOf(without('content-type'))).toMatch('application/json');
    },
  );
});

describe('an admin write with ADMIN_TOKEN', () => {
  const token = 'a-token-of-sixteen-or-more';
  const remote = (authorization?: string) => ({
    remoteAddress: '10.0.0.7',
    headers: { host: 'orders.internal', authorization },
  });

  it('may come from anywhere with that token', () => {
    expect(refusalOf(remote(`Bearer ${token}`), token)).toBeUndefined();
  });

  it.each([
    ['without one', undefined],
    ['with another one of the same length', `Bearer ${token.toUpperCase()}`],
    ['with the beginning of it', `Bearer ${token.slice(0, -1)}`],
    ['with more than it', `Bearer ${token}x`],
    ['with it as something else', `Basic ${token}`],
    ['with nothing', 'Bearer '],
  ])('may not come %s', (_how, authorization) => {
    expect(refusalOf(remote(authorization), token)).toMatch('ADMIN_TOKEN');
  });

  it('may not come from this machine without it', () => {
    expect(refusalOf(local, token)).toMatch('ADMIN_TOKEN');
  });
});
