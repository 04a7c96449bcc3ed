import { stat } from 'node:fs/promises';
import type { Relation } from '../inventory/relations.js';
import { findFileOfFolder } from '../postgres/archive/folder-file.js';
import type { Archive } from '../postgres/archive/open-archive.js';
import type { TocEntry } from '../postgres/archive/toc-entry.js';
import { quoteQualified, unquoted } from '../postgres/quoting.js';
import { isOfExtension } from './entry-kinds.js';
import { type ArchivedTables, NAME_PATTERN } from './stock-tables.js';

const COPIED_TABLE = new RegExp(`^COPY ${NAME_PATTERN}`);

/**
 * The relations that rows go to, with what an archive tells of them, and the parents of partitions.
 * @param hypertables the OIDs of their tables
 */
export async function relationsOf(
  archive: Archive,
  tables: ArchivedTables,
  hypertables: ReadonlySet<number>,
): Promise<Relation[]> {
  const sizes = await sizesOf(archive);
  const isOurs = isOfExtension(archive.entries);
  const relations = archive.entries
    .filter((entry) => entry.kind === 'TABLE DATA' && !isOurs(entry))
    .map((entry): Relation => {
      const { schema = '', tag: name, copyStatement = '', dumpId } = entry;
      const table = tables.named({ schema, name });
      const parent = table && tables.neededBy(table);
      const isHypertable = hypertables.has(table?.oid ?? 0);
      const isChunk = hypertables.has(parent?.oid ?? 0);
      const [, intoSchema = '', intoName = ''] = COPIED_TABLE.exec(copyStatement) ?? [];
      const into = { schema: unquoted(intoSchema), name: unquoted(intoName) };
      return {
        oid: table?.oid ?? 0,
        schema,
        name,
        kind: isHypertable ? 'hypertable' : isChunk || isCompressed(table) ? 'chunk' : 'table',
        parent: isChunk ? parent?.oid : undefined,
        fileNode: 0,
        bytes: sizes.get(dumpId) ?? 0,
        pages: 1,
        columns: [],
        format: 'text',
        loadThrough: quoteQualified(into) === quoteQualified({ schema, name }) ? undefined : into,
      };
    });
  const empty = archive.entries
    .filter(({ kind, relationKind }) => kind === 'TABLE' && relationKind === 'p')
    .map(
      ({ oid, schema = '', tag: name }): Relation => ({
        ...{ oid, schema, name, kind: 'partitioned', parent: undefined, fileNode: 0, bytes: 0, pages: 0 },
        ...{ columns: [], format: 'text', loadThrough: undefined },
      }),
    );
  return [...relations, ...empty];
}

/** The relation that holds a chunk's compressed rows. */
function isCompressed(table: TocEntry | undefined): boolean {
  return /^\s+\S.* _timescaledb_internal\.compressed_data\b/m.test(table?.definition ?? '');
}

/** Bytes of the rows of each entry: of files as they lie on disk, in one file up to where the next ones begin. */
async function sizesOf({ path, entries, blocks }: Archive): Promise<Map<number, number>> {
  const sizes = new Map<number, number>();
  if (!blocks) {
    for (const { kind, dumpId, data } of entries) {
      if (kind === 'TABLE DATA' && data.at === 'file')
        sizes.set(dumpId, findFileOfFolder(path, data.name).bytes);
    }
    return sizes;
  }
  const positions = entries
    .flatMap(({ dumpId, data }) => (data.at === 'position' ? [{ dumpId, position: data.position }] : []))
    .sort((a, b) => a.position - b.position);
  const end = (await stat(path)).size;
  for (const [at, { dumpId, position }] of positions.entries()) {
    sizes.set(dumpId, (positions[at + 1]?.position ?? end) - position);
  }
  return sizes;
}
