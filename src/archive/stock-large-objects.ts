import type { LargeObject } from '../inventory/large-objects.js';
import type { TocEntry } from '../postgres/archive/toc-entry.js';
import { IDENTIFIER_PATTERN, unquoted } from '../postgres/quoting.js';
import { textOfComment } from './text-of-literal.js';

/** The large objects of an archive of `pg_dump`, with what their entries say of them. */
export function stockLargeObjects(entries: readonly TocEntry[]): LargeObject[] {
  const comments = new Map(
    entries
      .filter(({ kind }) => kind === 'COMMENT')
      .map(({ tag, definition }) => [tag, textOfComment(definition)]),
  );
  const grants = new Map(
    entries
      .filter(({ kind, tag }) => kind === 'ACL' && OF_LARGE_OBJECTS.test(tag))
      .map(({ dependencies: [group = 0], definition }) => [group, grantsIn(definition)]),
  );
  return entries.flatMap((entry) =>
    oidsOf(entry).map((oid) => ({
      oid: Number(oid),
      owner: entry.owner ?? '',
      comment: comments.get(`LARGE OBJECT ${oid}`) ?? null,
      grants: grants.get(entry.dumpId) ?? [],
    })),
  );
}

const OF_LARGE_OBJECTS = /^LARGE OBJECTS? /;

/** Up to format 1.15 each has an entry; from 1.16 on one has the OIDs of up to a thousand. */
function oidsOf({ kind, tag, definition }: TocEntry): string[] {
  const oids = kind === 'BLOB' ? [tag] : kind === 'BLOB METADATA' ? definition.split('\n') : [];
  return oids.filter((oid) => oid !== '');
}

const GRANT = new RegExp(
  `^GRANT (ALL|SELECT|UPDATE|SELECT,UPDATE) ON LARGE OBJECT \\d+ TO (${IDENTIFIER_PATTERN})( WITH GRANT OPTION)?;$`,
  'gm',
);

/**
 * The grants of an object, or of a group: of that, pg_dump writes those of the first, and pg_restore repeats them for each.
 * Source: IssueACLPerBlob() in PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c.
 */
function grantsIn(definition: string): LargeObject['grants'] {
  return [...definition.matchAll(GRANT)].flatMap(([, privileges = '', grantee = '', option]) =>
    (privileges === 'ALL' ? ['SELECT', 'UPDATE'] : privileges.split(',')).map((privilege) => ({
      // A role of that name is in quotes.
      grantee: grantee === 'PUBLIC' ? '' : unquoted(grantee),
      privilege,
      grantable: option !== undefined,
    })),
  );
}
