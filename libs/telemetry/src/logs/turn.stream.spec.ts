import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { TurnStream } from './turn.stream.js';

describe('TurnStream', () => {
  let written: string[];
  let stream: TurnStream;

  beforeEach(() => {
    written = [];
    stream = new TurnStream({ write: (text) => void written.push(text) });
  });

  it('writes the lines of one turn together, when it ends', async () => {
    stream.writeSoon('a\n');
    stream.writeSoon('b\n');
    expect(written).toEqual([]);
    await nextTurn();
    expect(written).toEqual(['a\nb\n']);
  });

  it('writes other lines at once, and never before those that wait', async () => {
    stream.writeSoon('a\n');
    stream.write('b\n');
    expect(written).toEqual(['a\nb\n']);
    await nextTurn();
    expect(written).toHaveLength(1);
  });

  it('does not let lines grow while the event loop is held', () => {
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < 100; i += 1) stream.writeSoon(line);
    expect(written.join('').length).toBeGreaterThan(80 * 1024);
  });

  it('writes what waits when the process exits', () => {
    const before = process.listeners('exit');
    stream = new TurnStream({ write: (text) => void written.push(text) });
    const [onExit] = process.listeners('exit').filter((listener) => !before.includes(listener));
    stream.writeSoon('last\n');
    onExit?.(0);
    expect(written).toEqual(['last\n']);
  });
});
