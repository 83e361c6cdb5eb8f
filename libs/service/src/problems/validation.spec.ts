import { describe, expect, it } from '@jest/globals';
import type { ArgumentMetadata } from '@nestjs/common';
import { z } from 'zod';
import { type FieldError, ProblemException } from './problem.js';
import { validationPipe } from './validation.js';

const order = z.strictObject({
  items: z.array(z.strictObject({ sku: z.string(), quantity: z.int().min(1, 'at least 1') })).min(1, 'at least one'),
  note: z.string().trim().default('none'),
});
const body: ArgumentMetadata = { type: 'body', schema: order };

async function errorsOf(value: unknown, metadata = body): Promise<FieldError[] | undefined> {
  const error = await validationPipe.transform(value, metadata).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ProblemException);
  expect((error as ProblemException).init).toMatchObject({ status: 400, code: 'validation_failed' });
  return (error as ProblemException).init.errors;
}

describe('validationPipe', () => {
  it('gives what the schema makes of a valid value', async () => {
    expect(await validationPipe.transform({ items: [{ sku: 'keel', quantity: 1 }], note: ' soon ' }, body)).toEqual({
      items: [{ sku: 'keel', quantity: 1 }],
      note: 'soon',
    });
  });

  it('names every invalid field of a body', async () => {
    expect(await errorsOf({ items: [{ sku: 'keel', quantity: 0 }, { quantity: 1 }] })).toEqual([
      { path: 'items.0.quantity', message: 'at least 1' },
      { path: 'items.1.sku', message: expect.any(String) },
    ]);
  });

  it('names every unknown field', async () => {
    expect(await errorsOf({ items: [{ sku: 'a', quantity: 1, price: 1 }], admin: true, role: 'x' })).toEqual([
      { path: 'items.0.price', message: 'Unknown field' },
      { path: 'admin', message: 'Unknown field' },
      { path: 'role', message: 'Unknown field' },
    ]);
  });

  it.each([undefined, null, 'text', []])('refuses %j as a body', async (value) => {
    expect(await errorsOf(value)).toEqual([{ path: '', message: expect.any(String) }]);
  });

  it('names a parameter of the path', async () => {
    const metadata: ArgumentMetadata = { type: 'param', data: 'sku', schema: z.string().max(3, 'at most 3') };
    expect(await errorsOf('keel', metadata)).toEqual([{ path: 'sku', message: 'at most 3' }]);
  });

  it('names a field within a named part', async () => {
    const metadata: ArgumentMetadata = {
      type: 'body',
      data: 'address',
      schema: z.object({ city: z.string('needed') }),
    };
    expect(await errorsOf({}, metadata)).toEqual([{ path: 'address.city', message: 'needed' }]);
  });

  it('leaves alone what declares no schema', async () => {
    const value = { anything: 1 };
    expect(await validationPipe.transform(value, { type: 'body' })).toBe(value);
  });
});
