import type { TocEntry } from '../postgres/archive/archive-toc.js';
import { HyperferryError } from '../postgres/error.js';
import { IDENTIFIER_PATTERN, quoteIdentifier, quoteQualified } from '../postgres/quoting.js';
import type { ChunkDefinition, ChunkDefinitions } from '../timescale/chunk-definitions.js';
import { CATALOGS, DumpIds } from './dump-ids.js';

/** Where the row of an object is. */
const CATALOG_OF: Record<ChunkDefinition['kind'], number> = {
  TABLE: CATALOGS.relations,
  INDEX: CATALOGS.relations,
  CONSTRAINT: CATALOGS.constraints,
  'FK CONSTRAINT': CATALOGS.constraints,
  TRIGGER: CATALOGS.triggers,
};

/** The entries that `pg_dump` would have written for chunks that it was told to leave out. */
export function chunkEntries(
  { objects, dependencies }: ChunkDefinitions,
  archive: readonly TocEntry[],
): TocEntry[] {
  const ids = new DumpIds(archive);
  for (const { kind, oid } of objects) ids.add(CATALOG_OF[kind], oid);
  const needs = new Map<number, number[]>();
  for (const { catalog, oid, needsCatalog, needs: needed } of dependencies) {
    const [entry, id] = [ids.of(catalog, oid), ids.of(needsCatalog, needed)];
    if (entry === undefined || id === undefined) continue; // what has no entry of its own
    const known = needs.get(entry);
    if (known) known.push(id);
    else needs.set(entry, [id]);
  }
  const grants = grantsByTable(archive);
  return objects.flatMap((object) => {
    const dumpId = ids.of(CATALOG_OF[object.kind], object.oid) ?? 0;
    const entry = entryOf(object, dumpId, ids, needs.get(dumpId) ?? []);
    const granted = object.grantsOf === undefined ? undefined : grants.get(object.grantsOf);
    return granted ? [entry, grantEntry(granted, entry, ids.next())] : [entry];
  });
}

/** One for all: chunks are many. */
const NOWHERE = { at: 'nowhere' } as const;

function entryOf(object: ChunkDefinition, dumpId: number, ids: DumpIds, needs: readonly number[]): TocEntry {
  const { kind, oid, name, table, sql, owner, tablespace, accessMethod } = object;
  const isNamedWithTable = kind !== 'TABLE' && kind !== 'INDEX';
  const tableId = ids.of(CATALOG_OF.TABLE, table.oid) ?? 0;
  return {
    dumpId,
    catalog: CATALOG_OF[kind],
    oid,
    tag: isNamedWithTable ? `${table.name} ${name}` : name,
    kind,
    section: kind === 'TABLE' ? 'pre-data' : 'post-data',
    definition: sql,
    dropStatement: dropStatementOf(object),
    copyStatement: undefined,
    schema: table.schema,
    tablespace,
    accessMethod,
    relationKind: kind === 'TABLE' ? 'r' : undefined,
    owner,
    dependencies: kind === 'TABLE' ? needs : [tableId, ...needs],
    hasData: false,
    data: NOWHERE,
  };
}

function dropStatementOf({ kind, name, table }: ChunkDefinition): string {
  const ofTable = quoteQualified(table);
  switch (kind) {
    case 'TABLE':
      return inOnePiece('DROP TABLE ', ofTable, ';\n');
    case 'INDEX':
      return inOnePiece('DROP INDEX ', quoteQualified({ schema: table.schema, name }), ';\n');
    case 'TRIGGER':
      return inOnePiece('DROP TRIGGER ', quoteIdentifier(name), ' ON ', ofTable, ';\n');
    default:
      return inOnePiece('ALTER TABLE ONLY ', ofTable, ' DROP CONSTRAINT ', quoteIdentifier(name), ';\n');
  }
}

/** What `+` and templates make is to V8 a tree of its parts: three times as large, and ten objects to look at in place of one. */
function inOnePiece(...parts: readonly string[]): string {
  return parts.join('');
}

/** The entries of grants on tables, by the table's OID; those on columns say so (`COLUMN …`). */
function grantsByTable(archive: readonly TocEntry[]): Map<number, TocEntry> {
  const tables = new Map(
    archive.filter(({ kind }) => kind === 'TABLE').map((entry) => [entry.dumpId, entry]),
  );
  const grants = new Map<number, TocEntry>();
  for (const entry of archive.filter(({ kind }) => kind === 'ACL')) {
    const table = tables.get(entry.dependencies[0] ?? 0);
    if (table && entry.tag.startsWith('TABLE ')) grants.set(table.oid, entry);
  }
  return grants;
}

const NAME = IDENTIFIER_PATTERN;
const COMMAND = /^(?:GRANT|REVOKE) /gm;
const ON_TABLE = new RegExp(`^((?:GRANT|REVOKE) [A-Z, ]+ ON TABLE )${NAME}\\.${NAME}(?= (?:TO|FROM) )`, 'gm');

/** The grants of one table given for another that has the same owner and the same grants. */
function grantEntry(granted: TocEntry, table: TocEntry, dumpId: number): TocEntry {
  const { definition } = granted;
  if (definition.match(COMMAND)?.length !== definition.match(ON_TABLE)?.length) {
    throw new HyperferryError('INTERNAL', `expected grants on a table, pg_dump wrote: ${definition}`);
  }
  const { schema = '', tag } = table;
  const name = quoteQualified({ schema, name: tag });
  return {
    ...granted,
    dumpId,
    catalog: 0,
    oid: 0,
    tag: `TABLE ${tag}`,
    schema,
    owner: table.owner,
    definition: definition.replaceAll(ON_TABLE, (_, before: string) => `${before}${name}`),
    dependencies: [table.dumpId],
  };
}
