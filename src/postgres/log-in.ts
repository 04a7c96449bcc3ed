import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import pg from 'pg';
import { watchAuthentication } from './authentication.js';
import { noPassword } from './connect-error.js';
import { type Connection, type Host, passwordFor } from './connection-string.js';
import { HyperferryError } from './error.js';
import { type SessionAttributes, watchSessionAttributes } from './session-attributes.js';

/** What becomes of one try. After a failure, libpq goes on with other encryption, another address, another host, or not. */
export type Attempt =
  | { readonly state: 'connected'; readonly client: pg.Client }
  | {
      readonly state: 'failed';
      readonly error: unknown;
      readonly next: 'encryption' | 'address' | 'host' | 'none';
    };

/** Whom to log in where, and what the server must be. */
export interface Login {
  readonly connection: Connection;
  readonly host: Host;
  readonly attributes: SessionAttributes;
  readonly startOptions: string;
}

/** Says over an open connection who comes, and gives the password if the server asks for it. */
export async function logIn(login: Login, socket: Socket, deadline: AbortSignal): Promise<Attempt> {
  const { connection, host, attributes } = login;
  const client = makeClient(login, socket, () => {
    authentication.check();
    const password = passwordFor(connection, host);
    if (password === undefined) throw noPassword(connection);
    return password;
  });
  const authentication = watchAuthentication(client, connection.parameters);
  const differsFrom = watchSessionAttributes(client, attributes);
  const expire = (): void => void socket.destroy(deadline.reason as Error);
  deadline.addEventListener('abort', expire);
  try {
    // A signal that was given already is not given again.
    deadline.throwIfAborted();
    await client.connect();
    authentication.check();
    const difference = await differsFrom();
    if (difference === undefined) return { state: 'connected', client };
    throw new Unwanted(`${difference}, which target_session_attrs=${attributes} excludes`);
  } catch (error) {
    socket.destroy();
    return { state: 'failed', error, next: nextAfter(error, authentication.isDone, deadline) };
  } finally {
    deadline.removeEventListener('abort', expire);
  }
}

/** A server that is not what `target_session_attrs` asks for. */
class Unwanted extends HyperferryError {
  constructor(message: string) {
    super('CONNECT', message, { hint: 'Name a host that is, or change target_session_attrs.' });
  }
}

function nextAfter(
  error: unknown,
  isLoggedIn: boolean,
  deadline: AbortSignal,
): 'encryption' | 'address' | 'host' | 'none' {
  if (error instanceof Unwanted) return 'host';
  if (deadline.aborted) return 'address';
  if (!(error instanceof pg.DatabaseError)) return 'none';
  // cannot_connect_now: it starts, ends, or is a standby that takes no connections.
  if (error.code === '57P03') return 'host';
  return isLoggedIn ? 'none' : 'encryption';
}

function makeClient(login: Login, socket: Socket, password: () => string): pg.Client {
  const { connection, startOptions } = login;
  const { parameters } = connection;
  const isEncrypted = socket instanceof TLSSocket;
  const client = new pg.Client({
    user: connection.user,
    database: connection.database,
    // A function, so that pg looks for none by itself, neither in the environment nor in a file.
    password,
    stream: () => asUnconnected(socket),
    ssl: false,
    sslnegotiation: 'postgres',
    // What is asked while an answer is on its way goes out at once: over a long way, many answers then come in one trip.
    pipeline: true,
    enableChannelBinding: isEncrypted && parameters.channel_binding !== 'disable',
    application_name: parameters.application_name || parameters.fallback_application_name || 'hyperferry',
    // A space, where pg would look into the environment.
    options: `${parameters.options ?? ''} ${startOptions}`.trim() || (process.env.PGOPTIONS ? ' ' : ''),
  });
  // Whoever waits for an answer hears of it; a client that was given up has nobody who does.
  client.on('error', () => undefined);
  return client;
}

/** `pg` connects the stream that it is given; this one is. */
function asUnconnected(socket: Socket): Socket {
  return Object.assign(socket, {
    connect: () => {
      process.nextTick(() => socket.emit('connect'));
      return socket;
    },
  });
}
