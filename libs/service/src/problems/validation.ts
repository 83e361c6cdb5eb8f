import { type ArgumentMetadata, StandardSchemaValidationPipe } from '@nestjs/common';
import { type FieldError, ProblemException } from './problem.js';

type Issue = { message: string; path?: readonly (PropertyKey | { key: PropertyKey })[]; keys?: readonly string[] };

/** The problem that names every invalid field. */
export function validationErrors(issues: readonly unknown[]): ProblemException {
  return new ProblemException({
    status: 400,
    code: 'validation_failed',
    detail: 'The request is not valid; see errors.',
    errors: (issues as readonly Issue[]).flatMap(toFieldErrors),
  });
}

/** Validates what handlers declare with `@Body({ schema })`, `@Query({ schema })` or `@Param('id', { schema })`. */
class ValidationPipe extends StandardSchemaValidationPipe {
  override async transform<T>(value: T, metadata: ArgumentMetadata): Promise<T> {
    try {
      return await super.transform(value, metadata);
    } catch (error) {
      // The schema of a single parameter does not know its name.
      if (metadata.data && error instanceof ProblemException) {
        for (const field of error.init.errors ?? []) field.path = [metadata.data, field.path].filter(Boolean).join('.');
      }
      throw error;
    }
  }
}

export const validationPipe = new ValidationPipe({ exceptionFactory: validationErrors });

function toFieldErrors({ message, path = [], keys }: Issue): FieldError[] {
  const at = path.map((segment) => String(typeof segment === 'object' ? segment.key : segment));
  // zod reports unknown fields together, at their parent: name each.
  if (keys) return keys.map((key) => ({ path: [...at, key].join('.'), message: 'Unknown field' }));
  return [{ path: at.join('.'), message }];
}
