import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HyperferryError } from './error.js';
import { checkKeyword, type Environment, type Parameters } from './libpq-parameters.js';

/** Where Debian's, Red Hat's and PostgreSQL's own builds look, unless `PGSYSCONFDIR` says where. */
const SYSTEM_FOLDERS = ['/etc/postgresql-common', '/etc/sysconfig/pgsql', '/usr/local/pgsql/etc'];

/**
 * Adds what the named service defines for each parameter that is not given. `PGSERVICE` names one too.
 * Sources: `parseServiceInfo()` and `parseServiceFile()` in src/interfaces/libpq/fe-connect.c,
 * https://www.postgresql.org/docs/current/libpq-pgservice.html
 *
 * @throws HyperferryError `USAGE` that names the service and the files where it was looked for, and no value of them
 */
export function withService(given: Parameters, environment: Environment, home: string): Parameters {
  const service = given.service ?? environment.PGSERVICE;
  if (service === undefined) return given;
  const files = serviceFiles(environment, home);
  for (const file of files) {
    // A file that is named must be there, one that is looked for need not.
    if (file !== environment.PGSERVICEFILE && !existsSync(file)) continue;
    const defined = readService(file, service);
    if (defined) return { ...defined, ...given };
  }
  throw new HyperferryError(
    'USAGE',
    `expected a definition of service "${service}", but there is none in ${files.join(' or ')}`,
    { hint: `Add a section [${service}] to the file, or name another file by PGSERVICEFILE.` },
  );
}

function serviceFiles({ PGSERVICEFILE, PGSYSCONFDIR }: Environment, home: string): string[] {
  const systemFolders = PGSYSCONFDIR === undefined ? SYSTEM_FOLDERS : [PGSYSCONFDIR];
  return [
    PGSERVICEFILE ?? join(home, '.pg_service.conf'),
    ...systemFolders.map((folder) => join(folder, 'pg_service.conf')),
  ];
}

/** @returns the first section of that name; undefined where there is none */
function readService(file: string, service: string): Parameters | undefined {
  let lines: string[];
  try {
    lines = readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    throw new HyperferryError('USAGE', `cannot read the service file ${file}`, {
      cause: error,
      hint: 'PGSERVICEFILE names it; without that, it is ~/.pg_service.conf.',
    });
  }
  let section: Record<string, string> | undefined;
  for (const [index, text] of lines.entries()) {
    const line = text.replace(/^[ \t\v\f\r]+|[ \t\v\f\r]+$/g, '');
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('[')) {
      if (section) break;
      if (line.startsWith(`[${service}]`)) section = {};
    } else if (section) {
      readLine(section, line, `${file}, line ${index + 1}`);
    }
  }
  return section;
}

function readLine(section: Record<string, string>, line: string, place: string): void {
  const at = line.indexOf('=');
  if (line.startsWith('ldap')) throw malformed(`service definitions from LDAP are not supported: ${place}`);
  if (at < 0) throw malformed(`expected name=value in ${place}`);
  const keyword = line.slice(0, at);
  if (keyword === 'service') throw malformed(`a service cannot name another service: ${place}`);
  try {
    checkKeyword(keyword);
  } catch (error) {
    throw malformed(`${(error as Error).message} in ${place}`);
  }
  // Of a parameter that stands there twice, the first counts.
  section[keyword] ??= line.slice(at + 1);
}

function malformed(message: string): HyperferryError {
  return new HyperferryError('USAGE', message, {
    hint: 'A section of a service file looks like: [name], then host=…, port=…, dbname=…, user=… on lines of their own.',
  });
}
