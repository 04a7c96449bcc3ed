import {
  type Connection,
  describeConnection,
  describeHost,
  type Host,
  passfileOf,
} from './connection-string.js';
import { databaseError, noteSide } from './database-error.js';
import { HyperferryError } from './error.js';
import { whyUnused } from './passfile.js';
import { quoteIdentifier } from './quoting.js';

type Side = 'source' | 'target';

/** Why a host did not take the connection. */
export interface Failure {
  readonly host: Host;
  readonly error: unknown;
}

/** Says of all hosts why none of them took the connection, and what to do about the last. */
export function connectError(
  side: Side,
  connection: Connection,
  failures: readonly Failure[],
): HyperferryError {
  const causes = failures.map(({ error }) => causeOf(error));
  for (const cause of causes) if (cause instanceof Error) noteSide(cause, side);
  const [last] = causes.slice(-1);
  const reasons =
    failures.length === 1
      ? reasonOf(last)
      : failures.map(({ host }, index) => `${describeHost(host)}: ${reasonOf(causes[index])}`).join('; ');
  return new HyperferryError(
    'CONNECT',
    `cannot connect to the ${side} ${describeConnection(connection)}: ${reasons}`,
    {
      cause: failures.length === 1 ? last : new AggregateError(causes),
      hint: hintFor(last, side, connection, failures.at(-1)?.host),
    },
  );
}

export function noPassword(connection: Connection): HyperferryError {
  const unused = whyUnused(passfileOf(connection));
  return new HyperferryError(
    'CONNECT',
    `the server asks for a password, and none was given${unused ? ` (${unused})` : ''}`,
  );
}

/** An error that says what was expected may come wrapped in one that says where it happened. */
function causeOf(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && !(error instanceof HyperferryError) ? cause : error;
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) {
    return [...new Set(error.errors.map((one) => reasonOf(causeOf(one))))].join('; ');
  }
  return (error instanceof Error && error.message) || 'no reason given';
}

function hintFor(error: unknown, side: Side, connection: Connection, host: Host | undefined): string {
  if (error instanceof AggregateError) return hintFor(causeOf(error.errors[0]), side, connection, host);
  if (error instanceof HyperferryError && error.hint) return error.hint;
  switch (databaseError(error)?.code) {
    case '3D000':
      return side === 'target'
        ? `Create the database on the target first: CREATE DATABASE ${quoteIdentifier(connection.database)} TEMPLATE template0;`
        : 'List the databases of that server: psql -l';
    case '28P01':
    case '28000':
      return passwordHint(side, connection);
    case '53300':
      return roomHint(error, side, connection);
    default:
      if (error instanceof Error && error.message.includes('password')) return passwordHint(side, connection);
      if (databaseError(error)) return `The server answered, and refused the session; its log may say more.`;
      return `Check the address, and that the server listens there: pg_isready -h ${host?.host} -p ${host?.port}`;
  }
}

/** The server, the database and the role each have a limit, under one code; superusers are bound by the server's alone. */
function roomHint(error: unknown, side: Side, { database, user }: Connection): string {
  const [, limited] = /for (database|role)/.exec(reasonOf(error)) ?? [];
  if (!limited) return `Free connections on the ${side}, or raise max_connections.`;
  const name = quoteIdentifier(limited === 'database' ? database : user);
  return `Free connections of that ${limited} on the ${side}, or lift its limit there: ALTER ${limited.toUpperCase()} ${name} CONNECTION LIMIT -1;`;
}

function passwordHint(side: Side, connection: Connection): string {
  return `Check the user and the password of the ${side}; a password may stand in the URL, in PGPASSWORD or in ${passfileOf(connection)}.`;
}
