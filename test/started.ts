import { afterEach } from '@jest/globals';

interface Part {
  stop(): Promise<unknown>;
}

/** For the specs of one file: keeps what a test has started, and stops it after the test, the last first. */
export function stopAfterEach() {
  const parts: Part[] = [];
  afterEach(async () => {
    for (const part of parts.splice(0).reverse()) await part.stop();
  });
  return function started<P extends Part>(part: P): P {
    parts.push(part);
    return part;
  };
}
