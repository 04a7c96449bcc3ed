import type { EventEmitter } from 'node:events';
import type pg from 'pg';
import { HyperferryError } from './error.js';
import type { Parameters } from './libpq-parameters.js';

/** What is known of how a server authenticated its client, as far as it has come. */
export interface Authentication {
  /** Whether the server let the client in: what it refuses from then on has nothing to do with encryption. */
  readonly isDone: boolean;
  /** @throws HyperferryError `CONNECT` before a password would be sent by a way that `require_auth` or `channel_binding` excludes */
  check(): void;
}

/**
 * Watches how the server asks for a password. To be called before the client connects: `pg` answers in the order in
 * which it was listened to.
 * Source: `check_expected_areq()` in src/interfaces/libpq/fe-auth.c
 */
export function watchAuthentication(client: pg.Client, parameters: Parameters): Authentication {
  const { connection: events, enableChannelBinding } = client as unknown as Watched;
  const state = { isDone: false, method: 'none', isBound: false, isProven: true };
  events.on('authenticationCleartextPassword', () => {
    state.method = 'password';
  });
  events.on('authenticationMD5Password', () => {
    state.method = 'md5';
  });
  events.on('authenticationSASL', ({ mechanisms }: { mechanisms: string[] }) => {
    state.method = 'scram-sha-256';
    state.isBound = enableChannelBinding && mechanisms.includes('SCRAM-SHA-256-PLUS');
    state.isProven = false;
  });
  events.on('authenticationSASLFinal', () => {
    state.isProven = true;
  });
  events.on('authenticationOk', () => {
    state.isDone = true;
  });
  return {
    get isDone() {
      return state.isDone;
    },
    check() {
      const { method, isBound } = state;
      if (!isAllowed(method, parameters.require_auth)) {
        throw refused(`require_auth=${parameters.require_auth}`, method);
      }
      if (parameters.channel_binding === 'require' && !isBound)
        throw refused('channel_binding=require', method);
      if (state.isDone && !state.isProven) throw refused('proof that the server knows the password', 'none');
    },
  };
}

/** Members that the types of `pg` do not show. */
interface Watched {
  readonly connection: EventEmitter;
  readonly enableChannelBinding: boolean;
}

/** Without a list everything is; in one of `!methods`, everything else. */
function isAllowed(method: string, list: string | undefined): boolean {
  if (!list) return true;
  const methods = list.split(',');
  return list.startsWith('!') ? !methods.includes(`!${method}`) : methods.includes(method);
}

function refused(wanted: string, method: string): HyperferryError {
  return new HyperferryError(
    'CONNECT',
    `expected ${wanted}, but the server authenticates by ${method === 'scram-sha-256' ? `${method} without channel binding` : method}`,
    { hint: 'Look at the rules in pg_hba.conf of that server, and at who answers in its place.' },
  );
}
