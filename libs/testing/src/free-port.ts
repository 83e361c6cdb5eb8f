import { createServer } from 'node:net';

/** Below those that the system gives to connections, which could have taken one before it is listened on. */
const lowest = 10_000;
const highest = 32_000;

/** A port of 127.0.0.1 that nobody listens on at the moment, and hardly anybody is about to. */
export function freePort(): Promise<number> {
  const port = lowest + Math.floor(Math.random() * (highest - lowest));
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(freePort()) : reject(error),
    );
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(port)));
  });
}
