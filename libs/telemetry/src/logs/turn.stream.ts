import type { DestinationStream } from 'pino';

/** Lines that wait are written when they are this long together, so that nothing grows while the event loop is held. */
const maxWaiting = 16 * 1024;

/**
 * A destination in which a line may wait until the turn of the event loop ends, so that lines of one turn share a system call: writing
 * takes longer than making the line. Other lines are written at once, after those that wait.
 */
export class TurnStream implements DestinationStream {
  private waiting = '';

  constructor(private readonly out: DestinationStream) {
    process.on('exit', () => this.flushSync());
  }

  write(line: string): void {
    this.out.write(this.waiting + line);
    this.waiting = '';
  }

  /** Writes the line at the end of this turn, at the latest. */
  writeSoon(line: string): void {
    if (this.waiting === '') setImmediate(this.flushSync);
    this.waiting += line;
    if (this.waiting.length > maxWaiting) this.flushSync();
  }

  readonly flushSync = (): void => {
    if (this.waiting !== '') this.write('');
  };
}
