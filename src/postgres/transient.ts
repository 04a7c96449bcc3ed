import { databaseError } from './database-error.js';
import { HyperferryError } from './error.js';

/**
 * SQLSTATEs of what passes by itself: serialization failure, deadlock, a server that shuts down, crashed or starts, no
 * connection free, an idle session ended. Class 08 is that of connection failures.
 * Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const PASSING_STATES = new Set(['40001', '40P01', '57P01', '57P02', '57P03', '57P05', '53300']);

const NETWORK_CODES = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'ECONNABORTED',
  // A machine that loses its network fails at names first.
  'EAI_AGAIN',
  'ENOTFOUND',
]);

/** What `pg` says, without a code, when a connection ends by itself or was not made in time. */
const CONNECTION_ENDED = /^(Connection terminated|timeout expired|Client has encountered a connection error)/;

/** Whether the same work may succeed when it is tried again a little later: what the server refused for good may not. */
export function isTransient(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = databaseError(cause) ?? {};
    if (code) return PASSING_STATES.has(code) || code.startsWith('08');
    if (cause instanceof AggregateError) return cause.errors.some(isTransient);
    if (NETWORK_CODES.has((cause as NodeJS.ErrnoException).code ?? '')) return true;
    if (CONNECTION_ENDED.test(cause.message)) return true;
    if (cause instanceof HyperferryError && cause.code === 'CONNECTION_LOST') return true;
  }
  return false;
}
