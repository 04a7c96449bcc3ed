import type { Pair } from './servers.js';
import { queryValue, runScript, withClient } from './sql.js';

/** A database that a test filled, and the empty one that it moves to. */
export interface Databases {
  readonly source: string;
  readonly target: string;
  /** The folder of the client programs that can read both servers. */
  readonly programs: string;
}

interface Encodings {
  readonly source?: string;
  readonly target?: string;
}

/** Makes a database of this name on both servers, and fills the source's by a script. */
export async function makeDatabases(
  pair: Pair,
  name: string,
  script: string,
  encodings: Encodings = {},
): Promise<Databases> {
  const [source, target] = await Promise.all([
    makeDatabase(pair.source.url, name, encodings.source),
    makeDatabase(pair.target.url, name, encodings.target),
  ]);
  await runScript(pair.source.binFolder, source, script);
  return { source, target, programs: pair.target.binFolder };
}

/** Makes an empty database on the server of another, with the same encoding. */
export async function makeDatabaseBeside(url: string, prefix = 'restored'): Promise<string> {
  const [name, encoding] = await Promise.all([
    queryValue(url, 'SELECT pg_catalog.current_database()'),
    queryValue(url, 'SHOW server_encoding'),
  ]);
  return makeDatabase(url, `${prefix} ${name}`, encoding && encoding !== 'UTF8' ? encoding : undefined);
}

async function makeDatabase(server: string, name: string, encoding?: string): Promise<string> {
  const locale = encoding ? `ENCODING '${encoding}' LOCALE_PROVIDER libc LOCALE 'C'` : '';
  await withClient(server, (client) =>
    client.query(`CREATE DATABASE ${client.escapeIdentifier(name)} TEMPLATE template0 ${locale}`),
  );
  const url = new URL(server);
  // Not encodeURIComponent(): `pg` takes only what encodeURI() escapes back.
  url.pathname = `/${encodeURI(name)}`;
  return url.href;
}
