import { createServer } from 'node:net';
import { SandboxError } from '../sandbox-error.js';

/** A TCP port of 127.0.0.1 that was free a moment ago; another program can take it before the caller does. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const listener = createServer();
    listener.once('error', reject);
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address();
      listener.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port);
        else reject(new SandboxError('SERVER_FAILED', `Expected a TCP address to listen on, got ${address}`));
      });
    });
  });
}
