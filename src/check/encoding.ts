import { quoteLiteral } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import type { Check, DumpChecked, Finding } from './finding.js';

interface Collation {
  readonly provider: string;
  readonly locale: string;
  readonly version: string | null;
}

/** Columns of `pg_database` differ between versions; read as JSON, one that is not there is null. */
const READ_COLLATION = `
SELECT COALESCE(d->>'datlocprovider', 'c') AS provider,
       COALESCE(d->>'datlocale', d->>'daticulocale', d->>'datcollate') AS locale, d->>'datcollversion' AS version
FROM (SELECT pg_catalog.to_jsonb(d) FROM pg_catalog.pg_database d
      WHERE datname = pg_catalog.current_database()) AS j (d)`;

/** How text is stored and sorted on both sides. */
export const encoding: Check = async ({ source, target }) => {
  const [here, there] = await Promise.all([readCollation(source.session), readCollation(target.session)]);
  const [from, to] = [source.inventory.server.encoding, target.inventory.server.encoding];
  const mend = creation(from, here, target.inventory.server.version);
  const findings = from === to ? [...(await sourceEncoding({ source }))] : encodings(from, to, mend);
  if (here.provider !== there.provider || here.locale !== there.locale || here.version !== there.version) {
    findings.push({
      id: 'collation',
      severity: 'note',
      found: `text sorts by ${describe(here)} on the source, by ${describe(there)} on the target`,
      objects: [],
      why: 'Indexes are built anew and are right, but the order of results, and what falls in a range of texts, may differ.',
      mend,
    });
  }
  return findings;
};

/** Whatever the target's encoding is: every session speaks UTF-8, and the server refuses to send other bytes in it. */
export const sourceEncoding: Check<Pick<DumpChecked, 'source'>> = ({ source }) =>
  source.inventory.server.encoding === RAW
    ? [{ ...RAW_SOURCE, found: `the source is encoded in ${RAW}`, objects: [RAW] }]
    : [];

const RAW = 'SQL_ASCII';

const RAW_SOURCE: Omit<Finding, 'found' | 'objects'> = {
  id: 'encoding',
  severity: 'warning',
  why: 'SQL_ASCII means bytes of no known encoding, and text is carried over as UTF-8: bytes that are not valid in it stop the copy, whatever the target’s encoding.',
  mend: `UPDATE … SET "…" = convert_from(convert(convert_to("…", 'SQL_ASCII'), 'LATIN1', 'UTF8'), 'SQL_ASCII') WHERE …; -- on the source, for text that is in LATIN1`,
};

/** @param mend a command that makes a database of the source's encoding */
export function encodings(
  from: string,
  to: string,
  mend = `CREATE DATABASE "…" TEMPLATE template0 ENCODING ${quoteLiteral(from)}; -- unless the change is intended`,
): Finding[] {
  if (from === to) return [];
  const differ = { found: `the source is encoded in ${from}, the target in ${to}`, objects: [from, to] };
  if (from === RAW) return [{ ...RAW_SOURCE, ...differ }];
  return [
    {
      ...differ,
      id: 'encoding',
      severity: 'warning',
      why:
        to === RAW
          ? 'SQL_ASCII takes text as the bytes that it has in UTF-8: lengths and cases are those of bytes.'
          : 'A character that the target’s encoding lacks stops the copy, and lengths in bytes differ.',
      mend,
    },
  ];
}

/**
 * A database of the source's encoding and collation, on a server of this version. With another provider than libc, libc's
 * parts stay plain; what the server cannot have, which is a provider of a newer one, is left plain as well.
 *
 * LOCALE_PROVIDER came with PostgreSQL 15, the provider `builtin` with 17, LOCALE with 13.
 */
export function creation(
  encoding: string,
  { provider, locale }: Pick<Collation, 'provider' | 'locale'>,
  serverVersion: number,
): string {
  const name = quoteLiteral(locale);
  const [kind, options] =
    provider === 'i' && serverVersion >= 150_000
      ? ['icu', `ICU_LOCALE ${name} LOCALE 'C'`]
      : provider === 'b' && serverVersion >= 170_000
        ? ['builtin', `BUILTIN_LOCALE ${name} LOCALE 'C'`]
        : ['libc', localeOf(provider === 'c' ? name : `'C'`, serverVersion)];
  const collation = `${serverVersion >= 150_000 ? `LOCALE_PROVIDER ${kind} ` : ''}${options}`;
  return `CREATE DATABASE "…" TEMPLATE template0 ENCODING ${quoteLiteral(encoding)} ${collation}; -- unless the change is intended`;
}

function localeOf(name: string, serverVersion: number): string {
  return serverVersion >= 130_000 ? `LOCALE ${name}` : `LC_COLLATE ${name} LC_CTYPE ${name}`;
}

async function readCollation(session: Session): Promise<Collation> {
  return session.one<Collation & Record<string, unknown>>(READ_COLLATION);
}

function describe({ provider, locale, version }: Collation): string {
  const name = { b: 'builtin', c: 'libc', i: 'ICU' }[provider] ?? provider;
  return `${locale} (${name}${version ? ` ${version}` : ''})`;
}
