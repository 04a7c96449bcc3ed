import type { Server } from '../../sandbox/index.js';
import { runScript, withClient } from '../integration/sql.js';

/** Two databases of one server that begin equal. */
export interface Twins {
  readonly source: string;
  readonly target: string;
  readonly programs: string;
}

/**
 * Makes a database by a script, and a copy of it. On a server without background workers, since none may be connected
 * to a database that is copied.
 */
export async function makeTwins(server: Server, name: string, script: string): Promise<Twins> {
  const source = await createDatabase(server, name, 'template0');
  await runScript(server.binFolder, source, script);
  return { source, target: await createDatabase(server, `${name}_twin`, name), programs: server.binFolder };
}

/** Makes two databases, each by a script of its own. */
export async function makeSiblings(
  servers: readonly [Server, Server],
  name: string,
  scripts: readonly [string, string],
): Promise<Twins> {
  const [source, target] = [
    await createDatabase(servers[0], `${name}_source`, 'template0'),
    await createDatabase(servers[1], `${name}_target`, 'template0'),
  ];
  await runScript(servers[0].binFolder, source, scripts[0]);
  await runScript(servers[1].binFolder, target, scripts[1]);
  return { source, target, programs: servers[0].binFolder };
}

export async function createDatabase(server: Server, name: string, template: string): Promise<string> {
  await withClient(server.url, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(name)} WITH (FORCE)`);
    await client.query(
      `CREATE DATABASE ${client.escapeIdentifier(name)} TEMPLATE ${client.escapeIdentifier(template)}`,
    );
  });
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return url.href;
}
