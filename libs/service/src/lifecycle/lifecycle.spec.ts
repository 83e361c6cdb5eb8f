import { describe, expect, it } from '@jest/globals';
import { Lifecycle } from './lifecycle.js';

describe('Lifecycle', () => {
  it('goes from starting to serving to stopping', () => {
    const lifecycle = new Lifecycle();
    expect(lifecycle.phase).toBe('starting');
    lifecycle.started();
    expect(lifecycle.phase).toBe('serving');
    lifecycle.stopping();
    expect(lifecycle.phase).toBe('stopping');
  });

  it('never goes back', () => {
    const lifecycle = new Lifecycle();
    lifecycle.stopping();
    lifecycle.started();
    expect(lifecycle.phase).toBe('stopping');
  });
});
