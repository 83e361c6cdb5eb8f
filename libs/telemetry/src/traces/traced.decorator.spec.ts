import { recordSpans } from '@app/testing';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SpanStatusCode, trace } from '@opentelemetry/api';
import { Traced } from './traced.decorator.js';

const failure = new Error('no stock');

/** As Nest's decorators do it. */
function Route(path: string): MethodDecorator {
  return (_target, _key, { value }) => Reflect.defineMetadata('path', path, value as object);
}

class Orders {
  constructor(readonly name = 'shop') {}

  @Traced()
  total(...amounts: number[]): string {
    return `${this.name} ${amounts.reduce((sum, amount) => sum + amount, 0)}`;
  }

  @Traced('orders place')
  async place(until: Promise<string>): Promise<string> {
    return until;
  }

  @Traced()
  refuse(): never {
    throw failure;
  }

  @Traced()
  @Route('/orders')
  async find(): Promise<string | undefined> {
    return trace.getActiveSpan()?.spanContext().spanId;
  }
}

describe('Traced', () => {
  let recorded: Awaited<ReturnType<typeof recordSpans>>;
  const orders = new Orders();

  beforeAll(async () => {
    recorded = await recordSpans();
  });
  beforeEach(() => recorded.reset());

  it('gives a call a span named after class and method', () => {
    expect(orders.total(1, 2)).toBe('shop 3');
    expect(recorded.getFinishedSpans()).toMatchObject([
      { name: 'Orders.total', status: { code: SpanStatusCode.UNSET } },
    ]);
  });

  it('ends the span when the promise ends', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const placed = orders.place(promise);
    expect(recorded.getFinishedSpans()).toEqual([]);
    resolve('placed');
    expect(await placed).toBe('placed');
    expect(recorded.getFinishedSpans()).toMatchObject([{ name: 'orders place' }]);
  });

  it.each([
    ['throws', async () => orders.refuse()],
    ['rejects', () => orders.place(Promise.reject(failure))],
  ])('records what a method %s, and passes it on', async (_how, call) => {
    await expect(call()).rejects.toBe(failure);
    expect(recorded.getFinishedSpans()).toMatchObject([
      { status: { code: SpanStatusCode.ERROR }, events: [{ name: 'exception' }] },
    ]);
  });

  it('runs the method inside the span', async () => {
    const spanId = await orders.find();
    expect(recorded.getFinishedSpans()[0]?.spanContext().spanId).toBe(spanId);
  });

  it('keeps the method’s name and what other decorators have said of it', () => {
    expect(orders.find.name).toBe('find');
    expect(Reflect.getMetadata('path', orders.find)).toBe('/orders');
  });
});
