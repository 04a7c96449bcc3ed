import type { Inventory } from '../inventory/inventory.js';
import type { TocEntry } from '../postgres/archive/archive-toc.js';
import { HyperferryError } from '../postgres/error.js';
import { isValidation } from './validation-entries.js';

/**
 * The archive's entries by who makes them and when. The parts are disjoint, and their union is the archive: an entry
 * that no part takes is an error.
 */
export interface Division {
  /** Made before the rows, in the archive's order. */
  readonly before: readonly TocEntry[];
  /** Tables of plain chunks, and those of their indexes that can only be made on an empty table: made by workers. */
  readonly chunks: readonly TocEntry[];
  /** Indexes that can only be made on an empty table. */
  readonly early: readonly TocEntry[];
  /** Indexes and index constraints by the OID of the table whose rows they need. */
  readonly indexes: ReadonlyMap<number, readonly TocEntry[]>;
  /** Made after the rows and all indexes, in the archive's order. */
  readonly after: readonly TocEntry[];
  /** Constraints of children that are made valid again, which reads all their rows: made by workers. */
  readonly validations: readonly TocEntry[];
  readonly foreignKeys: readonly TocEntry[];
  /** Their checks see no rows while TimescaleDB's hooks are off. */
  readonly hypertableKeys: readonly TocEntry[];
  /** Comments and labels on what is made after the rows. */
  readonly comments: readonly TocEntry[];
  readonly privileges: readonly TocEntry[];
  /** Made when all else stands, since they act on what is made after them. */
  readonly last: readonly TocEntry[];
  /** Made by Hyperferry itself or by the server. */
  readonly elsewhere: readonly TocEntry[];
}

type Part = keyof Division;

/** Kinds that another stage makes: the extensions stage, and the settings of each session. */
const MADE_ELSEWHERE = new Set([
  'ENCODING',
  'STDSTRINGS',
  'SEARCHPATH',
  'EXTENSION',
  'DATABASE',
  'DATABASE PROPERTIES',
]);

/** Entries that belong to another entry and are made when it stands. */
const FOLLOWERS = new Set(['COMMENT', 'SECURITY LABEL']);

/** @param plainChunks the OIDs of chunks whose tables workers make */
export function divideArchive(
  entries: readonly TocEntry[],
  source: Inventory,
  plainChunks: ReadonlySet<number> = new Set(),
): Division {
  const hypertables = new Set(
    source.relations.filter(({ kind }) => kind === 'hypertable').map(({ oid }) => oid),
  );
  const copied = new Set(source.relations.filter(({ kind }) => kind !== 'partitioned').map(({ oid }) => oid));
  const partOf = new Map<number, Part>();
  // What is said of the database names the source's, and is said of the target's by another stage.
  const databases = new Set(entries.filter(({ kind }) => kind === 'DATABASE').map(({ dumpId }) => dumpId));

  const choose = (entry: TocEntry): Part => {
    if (MADE_ELSEWHERE.has(entry.kind)) return 'elsewhere';
    if (entry.dependencies.some((id) => databases.has(id)) && entry.section === 'none') return 'elsewhere';
    if (entry.kind === 'ACL' || entry.kind === 'DEFAULT ACL') return 'privileges';
    if (FOLLOWERS.has(entry.kind)) return followed(entry, partOf);
    if (entry.kind === 'EVENT TRIGGER' || entry.kind === 'SUBSCRIPTION') return 'last';
    if (entry.kind === 'TABLE' && plainChunks.has(entry.oid)) return 'chunks';
    if (entry.section === 'pre-data') return 'before';
    if (entry.section !== 'post-data') {
      throw new HyperferryError('INTERNAL', `no stage makes the archive's entry ${describeEntry(entry)}`);
    }
    if (isValidation(entry)) return 'validations';
    if (entry.kind === 'FK CONSTRAINT') {
      const key = source.definitions.foreignKeys.get(entry.oid);
      return key && hypertables.has(key.references) ? 'hypertableKeys' : 'foreignKeys';
    }
    if (entry.kind === 'INDEX' || entry.kind === 'CONSTRAINT') {
      const table = source.definitions.tableOf.get(entry.oid);
      if (source.definitions.relyingOnSearchPath.has(entry.oid)) {
        return table !== undefined && plainChunks.has(table) ? 'chunks' : 'early';
      }
      return table !== undefined && copied.has(table) ? 'indexes' : 'after';
    }
    return 'after';
  };

  const parts: Record<Part, TocEntry[]> = {
    before: [],
    chunks: [],
    early: [],
    indexes: [],
    after: [],
    validations: [],
    foreignKeys: [],
    hypertableKeys: [],
    comments: [],
    privileges: [],
    last: [],
    elsewhere: [],
  };
  for (const entry of entries) {
    const part = choose(entry);
    partOf.set(entry.dumpId, part);
    parts[part].push(entry);
  }
  return { ...parts, indexes: byTable(parts.indexes, source) };
}

/** The kind and the qualified name of an entry, for messages. */
/** The tag of default privileges does not name their role, and every role may have some. */
export function describeEntry({ kind, schema, tag, owner }: TocEntry): string {
  const role = kind === 'DEFAULT ACL' && owner ? ` of ${owner}` : '';
  return `${kind} ${schema ? `${schema}.` : ''}${tag}${role}`;
}

/** A comment goes with its object; one on an index or a constraint comes when all of them stand. */
function followed(entry: TocEntry, partOf: ReadonlyMap<number, Part>): Part {
  const part = partOf.get(entry.dependencies[0] ?? -1);
  if (part === undefined || part === 'before' || part === 'elsewhere') return 'before';
  return part === 'last' || part === 'hypertableKeys' ? part : 'comments';
}

function byTable(entries: readonly TocEntry[], source: Inventory): Map<number, TocEntry[]> {
  const tables = new Map<number, TocEntry[]>();
  for (const entry of entries) {
    const table = source.definitions.tableOf.get(entry.oid) ?? 0;
    tables.set(table, [...(tables.get(table) ?? []), entry]);
  }
  return tables;
}
