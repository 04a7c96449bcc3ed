import { quoteQualified } from '../quoting.js';

/** One entry of an archive's table of contents: an object's definition, or the data of one, as `pg_dump` wrote it. */
export interface TocEntry {
  readonly dumpId: number;
  /** The object's row in the source's catalogs: the catalog's OID and the row's. Zero where there is none. */
  readonly catalog: number;
  readonly oid: number;
  /** The object's name, or for some kinds its table's name and its own. */
  readonly tag: string;
  /** The kind, as in `pg_restore --list`: `TABLE`, `FK CONSTRAINT`, `ACL`, … */
  readonly kind: string;
  readonly section: 'none' | 'pre-data' | 'data' | 'post-data';
  /** SQL that makes the object; empty for a few kinds. */
  readonly definition: string;
  readonly dropStatement: string;
  /** `COPY … FROM stdin;`, for a table's rows. Without it, the data are SQL (`pg_dump --inserts`) or large objects. */
  readonly copyStatement: string | undefined;
  readonly schema: string | undefined;
  readonly tablespace: string | undefined;
  readonly accessMethod: string | undefined;
  /** As in `pg_class.relkind`, for tables, views and the like. Archives have it from format 1.16 on. */
  readonly relationKind: string | undefined;
  readonly owner: string | undefined;
  /** The dump ids of the entries that this one needs. */
  readonly dependencies: readonly number[];
  /** Whether data belong to the entry: a table's rows, or large objects. */
  readonly hasData: boolean;
  readonly data: DataLocation;
  /**
   * Which of the texts that are empty or undefined here stand in the archive as an empty text, the others as NULL.
   * pg_restore tells them apart: with an empty tablespace it goes back to the database's own, with NULL it stays where
   * the entry before was (_selectTablespace() in PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c). Where nobody says
   * it, as for an entry that was not read from an archive, it follows from the kind.
   */
  readonly emptyTexts?: readonly NullableText[];
}

/** Where an entry's data stand. */
export type DataLocation =
  | { readonly at: 'nowhere' }
  /** In a file of the directory format, here without the suffix of its compression. */
  | { readonly at: 'file'; readonly name: string }
  /** In a custom-format archive, as many bytes from its beginning. */
  | { readonly at: 'position'; readonly position: number }
  /** Somewhere in a custom-format archive that was written to a pipe. */
  | { readonly at: 'unknown-position' };

export const NULLABLE_TEXTS = [
  'definition',
  'dropStatement',
  'copyStatement',
  'schema',
  'tablespace',
  'accessMethod',
  'owner',
] as const;

export type NullableText = (typeof NULLABLE_TEXTS)[number];

/** An entry that `pg_dump` did not write. */
export function madeEntry(
  given: Pick<TocEntry, 'dumpId' | 'tag' | 'kind' | 'section'> & Partial<TocEntry>,
): TocEntry {
  return {
    catalog: 0,
    oid: 0,
    definition: '',
    dropStatement: '',
    copyStatement: undefined,
    schema: undefined,
    tablespace: undefined,
    accessMethod: undefined,
    relationKind: undefined,
    owner: undefined,
    dependencies: [],
    hasData: false,
    data: { at: 'nowhere' },
    ...given,
  };
}

/** The name of a relation's entry, as SQL reads it. */
export function quotedNameOf({ schema = '', tag }: TocEntry): string {
  return quoteQualified({ schema, name: tag });
}
