import { resolve } from 'node:path';
import { HyperferryError } from '../postgres/error.js';

const CONNECTION_STRING = /^\w+:\/\/|(^|\s)(host|hostaddr|port|user|dbname|password|service)\s*=/;

/**
 * The place of a dump as a whole path, which messages may name.
 * @throws HyperferryError `USAGE` for a connection string, which may hold a password
 */
export function dumpPath(named: string): string {
  if (!CONNECTION_STRING.test(named)) return resolve(named);
  throw new HyperferryError(
    'USAGE',
    'expected the folder or the file of a dump, but the connection string of a database came',
    {
      hint: 'Name what --out of hyperferry dump was, or -f of pg_dump -Fd or -Fc. From database to database: hyperferry migrate --source URL --target URL',
    },
  );
}
