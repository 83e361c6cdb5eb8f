import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ProblemException } from '../problems/problem.js';

const header = 'idempotency-key';
const legal = /^[\x21-\x7e]{1,255}$/;

/**
 * The request's `Idempotency-Key`: 1 to 255 visible ASCII characters. `undefined` without one, where `required` is false.
 *
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
export const IdempotencyKey = createParamDecorator(
  ({ required = true }: { required?: boolean } = {}, host: ExecutionContext): string | undefined => {
    const key = host.switchToHttp().getRequest<FastifyRequest>().headers[header];
    if (key === undefined && !required) return undefined;
    if (key === undefined) refuse('idempotency_key_missing', 'This request needs an Idempotency-Key header.');
    if (!legal.test(String(key))) {
      refuse('idempotency_key_invalid', 'Idempotency-Key must be 1 to 255 visible ASCII characters.');
    }
    return String(key);
  },
);

function refuse(code: string, detail: string): never {
  throw new ProblemException({ status: 400, code, detail, errors: [{ path: 'Idempotency-Key', message: detail }] });
}
