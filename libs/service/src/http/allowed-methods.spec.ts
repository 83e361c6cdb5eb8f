import { describe, expect, it } from '@jest/globals';
import { fastify as createFastify } from 'fastify';
import { AllowedMethods } from './allowed-methods.js';

function routes() {
  const fastify = createFastify();
  const allowed = new AllowedMethods(fastify);
  const handler = async () => ({});
  fastify.get('/orders', handler);
  fastify.post('/orders', handler);
  fastify.get('/orders/:id', handler);
  fastify.delete('/orders/:id/items/:sku', handler);
  fastify.get('/openapi.json', handler);
  fastify.route({ method: ['PUT', 'PATCH'], url: '/stock', handler });
  fastify.all('/files/*', handler);
  return allowed;
}

describe('AllowedMethods', () => {
  it.each([
    ['/orders', ['GET', 'HEAD', 'POST']],
    ['/orders/7', ['GET', 'HEAD']],
    ['/orders/7/items/keel', ['DELETE']],
    ['/stock', ['PATCH', 'PUT']],
    ['/openapi.json', ['GET', 'HEAD']],
  ])('of %s are %j', (path, methods) => {
    expect(routes().of(path)).toEqual(methods);
  });

  it.each([
    '/',
    '/order',
    '/orders/',
    '/orders/7/items',
    '/orders/7/items/keel/more',
    '/openapiXjson',
    '/x/orders',
    '/files/a',
  ])('of %s are none, for there is no such route', (path) => {
    expect(routes().of(path)).toEqual([]);
  });
});
