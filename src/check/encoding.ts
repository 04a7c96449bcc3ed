import { type Collation, databaseCreation, readCollation } from '../inventory/collation.js';
import { quoteLiteral } from '../postgres/quoting.js';
import type { Check, DumpChecked, Finding } from './finding.js';

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

/** A database like the source, on a server of this version. */
function creation(encoding: string, collation: Collation, serverVersion: number): string {
  return `${databaseCreation('"…"', encoding, collation, serverVersion)} -- unless the change is intended`;
}

function describe({ provider, locale, version }: Collation): string {
  const name = { b: 'builtin', c: 'libc', i: 'ICU' }[provider] ?? provider;
  return `${locale} (${name}${version ? ` ${version}` : ''})`;
}
