import { columnDifferences } from './column-differences.js';
import type { CompareContext, ComparedArea } from './compare-context.js';
import { compareObjects } from './compare-objects.js';
import { compareRows } from './compare-rows.js';
import { pairRelations, type RelationPairs } from './compared-relation.js';
import { encodingsOf, readSide } from './known-side.js';
import { refuseUnknownTables } from './table-pattern.js';
import type { Verification } from './verification.js';

const ALL_AREAS: ReadonlySet<ComparedArea> = new Set([
  'rows',
  'definition',
  'catalog',
  'sequence',
  'role',
  'large object',
]);

const NO_PAIRS: RelationPairs = { both: [], onlySource: [], onlyTarget: [] };

/**
 * Compares two databases: the rows of each relation as they are stored, definitions, the catalogs of extensions,
 * sequences, roles and large objects. Reads both sides in transactions that change nothing, and takes no lock above
 * ACCESS SHARE.
 *
 * @throws HyperferryError when a side cannot be read: then nothing is known of equality
 */
export async function compareDatabases(context: CompareContext): Promise<Verification> {
  const begun = performance.now();
  const [source, target] = await Promise.all([
    readSide('source', context.source, context),
    readSide('target', context.target, context),
  ]);
  refuseUnknownTables(
    context.tables,
    [source, target].some(({ inventory, isMeant }) => inventory.relations.some(isMeant)),
  );
  const { areas = ALL_AREAS } = context;
  const isOfRowsOnly = context.tables !== undefined || (source.record && !source.record.objects);
  const objects = isOfRowsOnly ? undefined : await compareObjects(source, target, context);
  const { both, onlySource, onlyTarget } = pairRelations(
    source.inventory,
    target.inventory,
    { source: source.columns, target: target.columns },
    (relation, side) => (side === source.inventory ? source : target).isMeant(relation),
  );
  // Where nothing is asked of definitions, there may be others.
  const mayHaveMore = (source.record && !source.record.objects) || !areas.has('definition');
  const pairs = areas.has('rows')
    ? { both, onlySource, onlyTarget: mayHaveMore ? [] : onlyTarget }
    : NO_PAIRS;
  const columns = objects
    ? []
    : pairs.both.flatMap((pair) =>
        columnDifferences(
          pair.name,
          source.columns.get(pair.source.oid) ?? [],
          target.columns.get(pair.target.oid) ?? [],
        ),
      );
  // Of a side that is not there any more, no more can be compared than was noted.
  const mode = source.record?.mode === 'counts' ? 'counts' : context.mode;
  const rows = await compareRows(source, target, pairs, {
    mode,
    encodings: encodingsOf(source, target),
    jobs: context.jobs,
    examples: context.examples ?? 10,
    signal: context.signal,
    emit: context.emit ?? (() => {}),
  });
  return {
    source: context.source.name,
    target: context.target.name,
    mode,
    equal: rows.differences.length === 0 && columns.length === 0 && (objects?.different.length ?? 0) === 0,
    relations: {
      compared: pairs.both.length + pairs.onlySource.length + pairs.onlyTarget.length,
      different: rows.differences,
    },
    rows: { source: rows.sourceRows, target: rows.targetRows },
    logical: undefined,
    objects: { compared: objects?.compared ?? 0, different: objects?.different ?? columns },
    explained: objects?.explained ?? [],
    leftOut: context.leftOut ?? [],
    notCompared: [...source.notCompared, ...(objects?.notCompared ?? [])],
    seconds: Math.round(performance.now() - begun) / 1000,
  };
}
