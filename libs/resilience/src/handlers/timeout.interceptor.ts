import { type CallHandler, type ExecutionContext, type NestInterceptor, UseInterceptors } from '@nestjs/common';
import { Observable } from 'rxjs';
import { currentDeadline, Deadline, runWithDeadline } from '../deadline/deadline.js';

/**
 * Shortens the deadline of a handler, or of all handlers of a controller. It never lengthens it. When it passes, the caller gets 504
 * and what the handler waits for is stopped.
 */
export function Timeout(timeoutMs: number): MethodDecorator & ClassDecorator {
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1) {
    throw new RangeError(`@Timeout needs a whole number of milliseconds from 1 on, and got ${timeoutMs}`);
  }
  return UseInterceptors(new TimeoutInterceptor(timeoutMs));
}

class TimeoutInterceptor implements NestInterceptor {
  constructor(private readonly timeoutMs: number) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const name = `${context.getClass().name}.${context.getHandler().name}`;
    return new Observable((answer) => {
      const request = currentDeadline();
      const deadline = new Deadline(Math.min(this.timeoutMs, request?.timeLeftMs ?? Infinity), name);
      const abandon = () => deadline.cancel();
      const expire = () => answer.error(deadline.signal.reason);
      request?.signal.addEventListener('abort', abandon);
      deadline.signal.addEventListener('abort', expire);
      const subscription = runWithDeadline(deadline, () => next.handle().subscribe(answer));
      return () => {
        request?.signal.removeEventListener('abort', abandon);
        deadline.signal.removeEventListener('abort', expire);
        deadline.end();
        subscription.unsubscribe();
      };
    });
  }
}
