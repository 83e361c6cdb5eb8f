import { IdempotencyError, idempotencyKeyOf } from '@app/resilience';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** The request's `Idempotency-Key`. `undefined` without one, where `required` is false. */
export const IdempotencyKey = createParamDecorator(
  ({ required = true }: { required?: boolean } = {}, host: ExecutionContext): string | undefined => {
    const key = idempotencyKeyOf(host.switchToHttp().getRequest<FastifyRequest>().headers);
    if (key === undefined && required) throw new IdempotencyError('idempotency_key_missing');
    return key;
  },
);
