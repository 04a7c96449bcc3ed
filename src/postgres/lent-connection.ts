import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HyperferryError } from './error.js';
import type { Session } from './session.js';

/**
 * Lends the connection of a session to one client program, through a socket in a folder that only this user can enter.
 * So the program connects as sessions do, and gets no password.
 *
 * @param reword gives what the server is asked in place of what the program asks
 * @param use runs the program with the environment that leads it to the socket
 */
export async function lendConnection<T>(
  session: Session,
  reword: (query: string) => string,
  use: (environment: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  const [greeting, named] = await Promise.all([
    greetingOf(session),
    session.one<{ user: string; database: string }>(READ_NAMES),
  ]);
  const folder = await makeFolder();
  const server = createServer((program) => {
    server.close(); // it is lent to one
    new Loan(program, session, greeting, reword).begin();
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(join(folder, `.s.PGSQL.${PORT}`), resolve);
    });
    return await use({
      PGHOST: folder,
      PGPORT: String(PORT),
      PGUSER: named.user,
      PGDATABASE: named.database,
      PGGSSENCMODE: 'disable',
    });
  } finally {
    server.close();
    session.destroy();
    await rm(folder, { recursive: true, force: true });
  }
}

/** @throws HyperferryError `CLIENT_PROGRAM` */
async function makeFolder(): Promise<string> {
  const isLong = Buffer.byteLength(join(tmpdir(), SOCKET)) > LONGEST_SOCKET_PATH;
  const parent = isLong ? '/tmp' : tmpdir();
  try {
    return await mkdtemp(join(parent, PREFIX));
  } catch (error) {
    throw new HyperferryError(
      'CLIENT_PROGRAM',
      `expected a folder for the socket that pg_dump connects through, but none could be made in ${parent}: ${(error as Error).message}`,
      { cause: error, hint: 'Let TMPDIR name a folder that is there and can be written.' },
    );
  }
}

/** libpq asks for names; those of the session stay what they are, whatever it says. */
const READ_NAMES = 'SELECT session_user AS user, pg_catalog.current_database() AS database';

/** Part of the name of the socket's file. */
const PORT = 5432;

const PREFIX = 'hyperferry-';
const SOCKET = `${PREFIX}XXXXXX/.s.PGSQL.${PORT}`;

/** Bytes of `sun_path` on macOS, less the one that ends it; Linux has 107. */
const LONGEST_SOCKET_PATH = 103;

/** What a server reports to each client. Source: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-ASYNC */
const REPORTED = [
  ...[
    'application_name',
    'client_encoding',
    'DateStyle',
    'integer_datetimes',
    'IntervalStyle',
    'is_superuser',
  ],
  ...[
    'server_encoding',
    'server_version',
    'session_authorization',
    'standard_conforming_strings',
    'TimeZone',
  ],
];

/** What a server says to a client that needs no password. */
async function greetingOf(session: Session): Promise<Buffer> {
  const settings = await session.query<{ name: string; setting: string }>(
    'SELECT name, pg_catalog.current_setting(name) AS setting FROM pg_catalog.unnest($1::text[]) AS name',
    [REPORTED],
  );
  const authenticated = Buffer.alloc(4);
  const key = Buffer.alloc(8);
  return Buffer.concat([
    message('R', authenticated),
    ...settings.map(({ name, setting }) => message('S', Buffer.from(`${name}\0${setting}\0`))),
    message('K', key),
    message('Z', Buffer.from('I')),
  ]);
}

function message(type: string, payload: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.write(type, 'latin1');
  header.writeUInt32BE(payload.length + 4, 1);
  return Buffer.concat([header, payload]);
}

/** Codes in the place of the protocol's version. Source: src/include/libpq/pqcomm.h */
const CANCEL_REQUEST = 80877102;
const ENCRYPTION_REQUESTS = [80877103, 80877104];

/** What passes between the program and the server. */
class Loan {
  readonly #program: Socket;
  readonly #session: Session;
  readonly #greeting: Buffer;
  readonly #reword: (query: string) => string;
  #server: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);

  constructor(program: Socket, session: Session, greeting: Buffer, reword: (query: string) => string) {
    this.#program = program;
    this.#session = session;
    this.#greeting = greeting;
    this.#reword = reword;
  }

  begin(): void {
    this.#program.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      while (this.#server ? this.#passMessage(this.#server) : this.#answerFirst());
    });
    this.#program.on('error', () => this.#program.destroy());
    this.#program.on('close', () => this.#session.destroy());
  }

  /** @returns whether there was a whole message */
  #answerFirst(): boolean {
    const bytes = this.#take(0);
    if (!bytes) return false;
    const code = bytes.readUInt32BE(4);
    if (ENCRYPTION_REQUESTS.includes(code)) {
      this.#program.write('N'); // the server's connection is encrypted, or not; this one never leaves the machine
    } else if (code === CANCEL_REQUEST) {
      this.#program.destroy();
    } else {
      this.#program.write(this.#greeting);
      this.#server = this.#session.giveAway();
      this.#server.pipe(this.#program);
      this.#server.on('close', () => this.#program.destroy());
    }
    return true;
  }

  /** @returns whether there was a whole message */
  #passMessage(server: Socket): boolean {
    const bytes = this.#take(1);
    if (!bytes) return false;
    const isQuery = bytes.toString('latin1', 0, 1) === 'Q';
    const sql = isQuery ? bytes.toString('utf8', 5, bytes.length - 1) : '';
    const asked = this.#reword(sql);
    server.write(asked === sql ? bytes : message('Q', Buffer.from(`${asked}\0`)));
    return true;
  }

  /** The first message, whose length stands after `before` bytes. */
  #take(before: number): Buffer | undefined {
    const received = this.#received;
    if (received.length < before + 4) return undefined;
    const length = before + received.readUInt32BE(before);
    if (received.length < length) return undefined;
    this.#received = received.subarray(length);
    return received.subarray(0, length);
  }
}
