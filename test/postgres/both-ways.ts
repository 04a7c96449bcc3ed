import { join } from 'node:path';
import type { Server } from '../../sandbox/index.js';
import { parseConnection } from '../../src/postgres/connection-string.js';
import { HyperferryError } from '../../src/postgres/error.js';
import type { Environment } from '../../src/postgres/libpq-parameters.js';
import { Session } from '../../src/postgres/session.js';
import { runByLibpq } from './libpq.js';

/** How a connection was made: the address, port and encryption that the server sees, or why there is none. */
export interface BothWays {
  readonly session: string;
  readonly program: string;
  /** What the session's error advises. */
  readonly hint?: string | undefined;
  readonly error?: unknown;
}

const HOW = `SELECT COALESCE(host(inet_server_addr()), 'socket') || ' ' || current_setting('port') || ' '
  || (SELECT CASE WHEN ssl THEN version ELSE 'plain' END FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid())
  AS how`;

/** Connects by a session of ours and by a program of PostgreSQL's, which are to fare alike. */
export async function bothWays(server: Server, text: string, environment: Environment): Promise<BothWays> {
  const connection = parseConnection(text, environment);
  const program = runByLibpq(join(server.binFolder, 'psql'), ['-XAtqw', '-c', HOW], connection).catch(
    (error: Error) => `refused: ${error.message}`,
  );
  try {
    const session = await Session.open('source', connection);
    const { how } = await session.one<{ how: string }>(HOW);
    await session.close();
    return { session: how, program: await program };
  } catch (error) {
    if (!(error instanceof HyperferryError)) throw error;
    return { session: `refused: ${error.message}`, program: await program, hint: error.hint, error };
  }
}
