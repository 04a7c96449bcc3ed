import { on, once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Connection, Host } from './connection-string.js';
import { HyperferryError } from './error.js';
import { checkCertificate, tlsOptions } from './tls.js';

/** The first message of a client that wants TLS: its length, and 1234.5679 for a protocol version. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/** The server, or what is in its place, did not open an encrypted connection that may be used. */
export class TlsFailure extends Error {
  override readonly name = 'TlsFailure';
}

/** The server said that it speaks no TLS. */
export class TlsNotOffered extends TlsFailure {}

/** Opens a plain connection to an address, or to the socket in a folder. @throws Error by the signal's reason */
export async function openSocket(
  { parameters }: Connection,
  address: string,
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  const keepAlive = {
    keepAlive: Number(parameters.keepalives ?? 1) !== 0,
    keepAliveInitialDelay: 1000 * Number(parameters.keepalives_idle || 30),
  };
  const socket = address.startsWith('/')
    ? connectTcp({ path: `${address}/.s.PGSQL.${port}` })
    : connectTcp({ host: address, port, noDelay: true, ...keepAlive });
  // Whoever waits hears of an error. Between two waits nobody does, and the next one finds the socket closed.
  socket.on('error', () => undefined);
  await orDestroyed(socket, once(socket, 'connect', { signal }), signal);
  return socket;
}

/**
 * Encrypts the connection, and checks the server's certificate as the mode asks.
 *
 * @throws TlsFailure around the reason, where libpq with `sslmode=prefer` goes on without encryption
 * @throws HyperferryError `CONNECT` where it does not
 */
export async function encrypt(
  socket: Socket,
  connection: Connection,
  host: Host,
  signal: AbortSignal,
): Promise<Socket> {
  if (connection.parameters.sslnegotiation !== 'direct') await requestTls(socket, connection, signal);
  try {
    const encrypted = connectTls({ ...tlsOptions(connection, host), socket });
    encrypted.on('error', () => undefined);
    await orDestroyed(encrypted, once(encrypted, 'secureConnect', { signal }), signal);
    if (connection.parameters.sslnegotiation === 'direct' && encrypted.alpnProtocol !== 'postgresql') {
      throw new HyperferryError('CONNECT', 'expected a server that agrees to sslnegotiation=direct');
    }
    checkCertificate(encrypted, connection, host);
    return encrypted;
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    const cause = error instanceof HyperferryError ? error : notAgreed(error as Error & { reason?: string });
    throw new TlsFailure(cause.message, { cause });
  }
}

function notAgreed(error: Error & { reason?: string }): HyperferryError {
  return new HyperferryError('CONNECT', `TLS was not agreed upon: ${error.reason ?? error.message}`, {
    cause: error,
    hint: 'Look at ssl_min_protocol_version and ssl_max_protocol_version on both ends, and at the log of that server.',
  });
}

/** The answer is one byte. More would be what somebody in between slipped in before the encryption (CVE-2021-23222). */
async function requestTls(socket: Socket, connection: Connection, signal: AbortSignal): Promise<void> {
  socket.write(SSL_REQUEST);
  const answer = (await orDestroyed(socket, firstData(socket, signal), signal))?.toString('latin1');
  if (answer === 'S') return;
  socket.destroy();
  if (answer === 'N') {
    const refused = new HyperferryError(
      'CONNECT',
      `expected an encrypted connection (sslmode=${connection.sslMode}), but the server does not offer TLS`,
      { hint: 'Turn TLS on in that server (ssl = on), or do without: sslmode=prefer.' },
    );
    throw new TlsNotOffered(refused.message, { cause: refused });
  }
  if (answer === undefined)
    throw new Error('Connection terminated before the server said whether it offers TLS');
  // What an error says before the server has shown who it is, is not to be believed.
  throw new HyperferryError('CONNECT', 'the server did not answer whether it offers TLS', {
    hint: 'Look at the log of that server.',
  });
}

/** @returns undefined when the other end closes the connection without a word */
async function firstData(socket: Socket, signal: AbortSignal): Promise<Buffer | undefined> {
  for await (const [data] of on(socket, 'data', { signal, close: ['end', 'close'] })) return data as Buffer;
  return undefined;
}

async function orDestroyed<T>(socket: Socket, done: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await done;
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? signal.reason : error;
  }
}
