import type { HyperferryError } from '../postgres/error.js';

export const EXIT = { done: 0, failed: 1, usage: 2, blocked: 3, different: 4, interrupted: 130 } as const;

export function exitCodeOf(error: HyperferryError): number {
  switch (error.code) {
    case 'USAGE':
      return EXIT.usage;
    case 'DIFFERENT':
      return EXIT.different;
    case 'INTERRUPTED':
      return EXIT.interrupted;
    default:
      return EXIT.failed;
  }
}
