import { nameSome } from '../check/finding.js';
import type { QualifiedName } from '../inventory/sequences.js';
import type { Archive } from '../postgres/archive/open-archive.js';
import { quotedNameOf, type TocEntry } from '../postgres/archive/toc-entry.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteQualified } from '../postgres/quoting.js';
import { isTimescaleSchema } from '../timescale/timescale.js';
import { type CatalogRows, hypertableName } from './catalog-rows.js';
import { qualifiedName, shownName } from './table-name.js';

/**
 * Refuses an archive that `pg_dump` was told to leave parts of hypertables away from: without its chunks a hypertable is an empty
 * table, and with a catalog of chunks that are not there TimescaleDB fails.
 * @throws HyperferryError `ARCHIVE` that names what is missing, or what needs it
 */
export function refusePartsOfHypertables({ path, entries }: Archive, catalog: CatalogRows): void {
  if (!entries.some(({ kind, tag }) => kind === 'EXTENSION' && tag === 'timescaledb')) {
    const needing = entries
      .filter(needsTimescale)
      .map(({ schema = '', tag: name }) => shownName({ schema, name }));
    if (needing.length === 0) return;
    throw new HyperferryError(
      'ARCHIVE',
      `expected TimescaleDB in ${path}, but the archive is a part of a database, without what ${nameSome(needing)} need${needing.length === 1 ? 's' : ''}`,
      { hint: WHOLE },
    );
  }
  const made = new Set(entries.filter(({ kind }) => TABLES.has(kind)).map(quotedNameOf));
  const missing = tablesIn(catalog).filter((name) => !made.has(quoteQualified(name)));
  if (missing.length === 0) return;
  throw new HyperferryError(
    'ARCHIVE',
    `expected the tables of all hypertables and chunks in ${path}, but the archive has no ${nameSome(missing.map(shownName))}`,
    { hint: WHOLE },
  );
}

const WHOLE =
  'Dump the whole database, without -n, -N, -t, -T and the like: hyperferry restore --only brings parts of it. Or restore this one with pg_restore.';

/** Of hypertables, of chunks, and of their compressed rows. Newer versions name the latter two as `regclass` prints it. */
function tablesIn(catalog: CatalogRows): QualifiedName[] {
  const chunks = catalog('chunk')
    // Of a chunk that was dropped, a continuous aggregate keeps the row. One in an object store is no table of pg_dump's.
    .filter(({ dropped, osm_chunk: isTiered }) => dropped !== 't' && isTiered !== 't');
  const relations = [
    ...chunks.map(({ relid }) => relid),
    ...catalog('compression_settings').map(({ compress_relid: relation }) => relation),
  ];
  return [
    ...catalog('hypertable').map(hypertableName),
    ...chunks.filter(({ relid }) => relid === undefined).map(hypertableName),
    ...relations.flatMap((relation = '') => qualifiedName(relation) ?? []),
  ];
}

const TABLES = new Set(['TABLE', 'FOREIGN TABLE']);

/** A chunk, a hypertable of a version whose hypertables have a trigger, or the view of a continuous aggregate. */
function needsTimescale({ kind, schema = '', definition }: TocEntry): boolean {
  if (TABLES.has(kind)) return isTimescaleSchema(schema);
  return (
    ['TRIGGER', 'VIEW', 'MATERIALIZED VIEW'].includes(kind) && /[\s(]_timescaledb_\w+\./.test(definition)
  );
}

/**
 * Statistics are of tables, so that an archive which has some, and no table, has nothing else.
 * @throws HyperferryError `ARCHIVE`
 */
export function refuseStatisticsAlone({ path, entries }: Archive): void {
  const isOf = (...kinds: string[]) => entries.some(({ kind }) => kinds.includes(kind));
  if (!isOf('STATISTICS DATA') || isOf('TABLE', 'TABLE DATA', 'FOREIGN TABLE', 'MATERIALIZED VIEW')) return;
  throw new HyperferryError(
    'ARCHIVE',
    `expected the definitions of tables in ${path}, but the archive has their statistics alone`,
    { hint: 'Dump again without --statistics-only, or restore it with pg_restore.' },
  );
}

/** What an archive may lack without that anything tells whether its database has it. */
export function noticesOfParts(name: string, entries: readonly TocEntry[]): string[] {
  if (!entries.some(({ kind }) => kind === 'TABLE')) return [];
  return [
    ...(entries.some(({ kind }) => kind === 'EXTENSION')
      ? []
      : [
          `${name} has no extensions: if it is of a part of a database (pg_dump -n, -t), it has no chunks, and a hypertable comes as an empty table`,
        ]),
    ...(entries.some(({ section }) => section === 'post-data')
      ? []
      : [
          `${name} has no indexes, constraints or triggers: if it was made without --section=post-data, the tables come without theirs`,
        ]),
  ];
}
