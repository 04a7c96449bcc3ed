import { lookup } from 'node:dns/promises';
import type { Socket } from 'node:net';
import type pg from 'pg';
import { connectError, type Failure } from './connect-error.js';
import { type Connection, type Host, isSocketFolder } from './connection-string.js';
import { type Attempt, type Login, logIn } from './log-in.js';
import { encrypt, openSocket, TlsFailure, TlsNotOffered } from './open-socket.js';
import { roundsOf } from './session-attributes.js';

/**
 * Connects as libpq does: the hosts in turn, each address of a name, with and without encryption as `sslmode` says.
 * Whoever can be reached and refuses the login has the last word.
 * Source: `PQconnectPoll()` in src/interfaces/libpq/fe-connect.c
 *
 * @param startOptions what the server is to start the session with, beside the connection's own options
 * @throws HyperferryError `CONNECT` when no host takes the connection
 */
export async function connect(
  side: 'source' | 'target',
  connection: Connection,
  startOptions: string,
): Promise<pg.Client> {
  const failures: Failure[] = [];
  for (const attributes of roundsOf(connection.parameters.target_session_attrs)) {
    for (const host of connection.hosts) {
      const attempt = await tryHost({ connection, host, attributes, startOptions });
      if (attempt.state === 'connected') return attempt.client;
      failures.push({ host, error: attempt.error });
      if (attempt.next === 'none') throw connectError(side, connection, failures);
    }
  }
  throw connectError(side, connection, failures);
}

async function tryHost(login: Login): Promise<Attempt> {
  let addresses: string[];
  try {
    addresses = await addressesOf(login.host);
  } catch (error) {
    return { state: 'failed', error, next: 'host' };
  }
  const errors: unknown[] = [];
  for (const address of addresses) {
    const attempt = await tryAddress(login, address);
    if (attempt.state === 'connected' || attempt.next !== 'address') return attempt;
    errors.push(attempt.error);
  }
  return { state: 'failed', error: oneOf(errors), next: 'host' };
}

async function addressesOf({ host, hostaddr }: Host): Promise<string[]> {
  if (hostaddr) return [hostaddr];
  if (isSocketFolder(host)) return [host];
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}

async function tryAddress(login: Login, address: string): Promise<Attempt> {
  const timer = new AbortController();
  const { connectTimeout } = login.connection;
  const timeout = connectTimeout > 0 ? setTimeout(() => timer.abort(timedOut()), connectTimeout) : undefined;
  try {
    return await tryEncryptions(login, address, timer.signal);
  } finally {
    clearTimeout(timeout);
  }
}

function timedOut(): Error {
  return Object.assign(new Error('no answer within connect_timeout'), { code: 'ETIMEDOUT' });
}

async function tryEncryptions(login: Login, address: string, deadline: AbortSignal): Promise<Attempt> {
  const errors: unknown[] = [];
  for (const isEncrypted of encryptions(login.connection, address)) {
    const attempt = await tryOnce(login, address, isEncrypted, deadline);
    if (attempt.state === 'connected' || attempt.next !== 'encryption') return attempt;
    errors.push(attempt.error);
  }
  // That the server does not offer TLS is no reason where it answered without.
  const reasons = errors.filter((error) => !(error instanceof TlsNotOffered) || errors.length === 1);
  return { state: 'failed', error: oneOf(reasons), next: 'none' };
}

/** Whether to encrypt, in the order of the attempts. A Unix socket is never encrypted, whatever is asked for. */
function encryptions({ sslMode }: Connection, address: string): boolean[] {
  if (isSocketFolder(address) || sslMode === 'disable') return [false];
  if (sslMode === 'allow') return [false, true];
  return sslMode === 'prefer' ? [true, false] : [true];
}

async function tryOnce(
  login: Login,
  address: string,
  isEncrypted: boolean,
  deadline: AbortSignal,
): Promise<Attempt> {
  const { connection, host } = login;
  let socket: Socket;
  try {
    socket = await openSocket(connection, address, host.port, deadline);
  } catch (error) {
    return { state: 'failed', error, next: 'address' };
  }
  if (!isEncrypted) return logIn(login, socket, deadline);
  try {
    socket = await encrypt(socket, connection, host, deadline);
  } catch (error) {
    socket.destroy();
    if (deadline.aborted) return { state: 'failed', error, next: 'address' };
    return { state: 'failed', error, next: error instanceof TlsFailure ? 'encryption' : 'none' };
  }
  return logIn(login, socket, deadline);
}

function oneOf(errors: readonly unknown[]): unknown {
  return errors.length === 1 ? errors[0] : new AggregateError(errors);
}
