import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startExtraServer } from '../integration/servers.js';
import { query, withClient } from '../integration/sql.js';

/** A server that asks all but the superuser for a password, and a superuser of its own that has one. */
export interface PasswordServer {
  /** As the superuser who needs no password. */
  readonly url: string;
  readonly programs: string;
  readonly role: string;
  readonly password: string;
}

const ACCESS = `
host all postgres 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
`;

/** One for all tests; each caller gets a role of its own, whose password is made up on the spot. */
export async function passwordServer(): Promise<PasswordServer> {
  const server = await startExtraServer('password', { settings: { max_worker_processes: '64' } });
  await writeFile(join(server.dataFolder, 'pg_hba.conf'), ACCESS);
  const suffix = randomBytes(6).toString('hex');
  const role = `mover_${suffix}`;
  const password = `made-up-for-a-test-${suffix}`;
  await query(server.url, 'SELECT pg_reload_conf()');
  await withClient(server.url, (client) =>
    client.query(`CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD '${password}'`),
  );
  return { url: server.url, programs: server.binFolder, role, password };
}
