import { readFileSync, type Stats, statSync } from 'node:fs';

/** What a line of a password file is matched with. */
export interface PasswordKey {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/** The folder in which PostgreSQL's packages put a server's Unix socket. */
export const DEFAULT_SOCKET_FOLDER = process.platform === 'darwin' ? '/tmp' : '/var/run/postgresql';

/**
 * The password of the first line that matches. A file that others may read is not used, as one that is not there.
 * Sources: `passwordFromFile()` in src/interfaces/libpq/fe-connect.c,
 * https://www.postgresql.org/docs/current/libpq-pgpass.html
 */
export function passwordFromFile(
  file: string,
  { host, port, database, user }: PasswordKey,
): string | undefined {
  if (whyUnused(file)) return undefined;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined; // libpq ignores a file that it cannot read
  }
  const wanted = [host === DEFAULT_SOCKET_FOLDER ? 'localhost' : host, String(port), database, user];
  for (const line of text.split('\n').map((one) => one.replace(/\r+$/, ''))) {
    if (line.startsWith('#')) continue;
    let rest: string | undefined = line;
    for (const value of wanted) rest = rest === undefined ? undefined : afterField(rest, value);
    if (rest !== undefined) return unescaped(rest);
  }
  return undefined;
}

/** Why libpq would pass the file over; undefined where it would not, or there is none. */
export function whyUnused(file: string): string | undefined {
  let found: Stats;
  try {
    found = statSync(file);
  } catch {
    return undefined;
  }
  if (!found.isFile()) return `${file} is not a plain file`;
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    return `${file} can be read by others: chmod 600 ${file}`;
  }
  return undefined;
}

/** What follows a field that matches, as `pwdfMatchesString()` compares: `*` is any value, `\` escapes. */
function afterField(line: string, value: string): string | undefined {
  if (line.startsWith('*:')) return line.slice(2);
  let at = 0;
  for (const character of value) {
    if (line[at] === '\\') at++;
    if (!line.startsWith(character, at)) return undefined;
    at += character.length;
  }
  return line[at] === ':' ? line.slice(at + 1) : undefined;
}

/** A password ends with its line, or with a colon that is not escaped. */
function unescaped(text: string): string {
  const [password = ''] = /^(?:\\.|[^:])*/s.exec(text) ?? [];
  return password.replace(/\\(.)/gs, '$1');
}
