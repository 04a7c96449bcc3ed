import { quoteLiteral } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';

/** How a database sorts text, and tells letters from other characters. */
export interface Collation {
  /** `c`: libc, `i`: ICU, `b`: PostgreSQL itself. */
  readonly provider: string;
  readonly locale: string;
  /** Of libc, by which letters are told apart; mostly the one that text sorts by. */
  readonly characterType: string;
  readonly version: string | null;
}

/** Columns of `pg_database` differ between versions; read as JSON, one that is not there is null. */
const READ_COLLATION = `
SELECT COALESCE(d->>'datlocprovider', 'c') AS provider,
       COALESCE(d->>'datlocale', d->>'daticulocale', d->>'datcollate') AS locale, d->>'datctype' AS "characterType",
       d->>'datcollversion' AS version
FROM (SELECT pg_catalog.to_jsonb(d) FROM pg_catalog.pg_database d
      WHERE datname = pg_catalog.current_database()) AS j (d)`;

export async function readCollation(session: Session): Promise<Collation> {
  return session.one<Collation & Record<string, unknown>>(READ_COLLATION);
}

/**
 * The SQL that makes a database of an encoding and a collation, on a server of this version. With another provider than libc,
 * libc's parts stay plain; what the server cannot have, which is a provider of a newer one, is left plain as well.
 *
 * LOCALE_PROVIDER came with PostgreSQL 15, the provider `builtin` with 17, LOCALE with 13.
 *
 * @param name quoted
 */
export function databaseCreation(
  name: string,
  encoding: string,
  { provider, locale, characterType }: Omit<Collation, 'version'>,
  serverVersion: number,
): string {
  const named = quoteLiteral(locale);
  const [kind, options] =
    provider === 'i' && serverVersion >= 150_000
      ? ['icu', `ICU_LOCALE ${named} LOCALE 'C'`]
      : provider === 'b' && serverVersion >= 170_000
        ? ['builtin', `BUILTIN_LOCALE ${named} LOCALE 'C'`]
        : [
            'libc',
            provider === 'c'
              ? localeOf(locale, characterType, serverVersion)
              : localeOf('C', 'C', serverVersion),
          ];
  const collation = `${serverVersion >= 150_000 ? `LOCALE_PROVIDER ${kind} ` : ''}${options}`;
  return `CREATE DATABASE ${name} TEMPLATE template0 ENCODING ${quoteLiteral(encoding)} ${collation};`;
}

function localeOf(locale: string, characterType: string, serverVersion: number): string {
  const [collate, type] = [quoteLiteral(locale), quoteLiteral(characterType)];
  return serverVersion >= 130_000 && collate === type
    ? `LOCALE ${collate}`
    : `LC_COLLATE ${collate} LC_CTYPE ${type}`;
}
