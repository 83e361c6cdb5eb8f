import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Heartbeats } from './heartbeats.js';

describe('heartbeats', () => {
  const heartbeats = new Heartbeats();

  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('tell who has been silent for longer than it may', () => {
    const outbox = heartbeats.register('outbox', { maxSilenceMs: 1_000 });
    heartbeats.register('mailer', { maxSilenceMs: 5_000 });
    jest.advanceTimersByTime(900);
    outbox.beat();
    jest.advanceTimersByTime(1_000);
    expect(heartbeats.states()).toEqual([
      { name: 'outbox', silent: false },
      { name: 'mailer', silent: false },
    ]);
    jest.advanceTimersByTime(1);
    expect(heartbeats.states()).toContainEqual({ name: 'outbox', silent: true });
    outbox.beat();
    expect(heartbeats.states()).toContainEqual({ name: 'outbox', silent: false });
  });

  it('miss nobody who has ended, and do not mix up two of one name', () => {
    const before = heartbeats.register('outbox', { maxSilenceMs: 1_000 });
    const after = heartbeats.register('outbox', { maxSilenceMs: 1_000 });
    before.end();
    expect(heartbeats.states().filter(({ name }) => name === 'outbox')).toHaveLength(1);
    after.end();
    expect(heartbeats.states().filter(({ name }) => name === 'outbox')).toEqual([]);
  });
});
