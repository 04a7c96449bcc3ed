import type { Inventory } from '../inventory/inventory.js';
import type { Session } from '../postgres/session.js';
import { withSnapshot } from '../postgres/snapshot.js';
import type { SideAccess } from '../verify/compare-context.js';
import { sourceChanged } from './rewrite-guard.js';

/** One number a relation: of many chunks, the names and numbers of all columns would be as much as all else. */
const READ_SUMS = `
SELECT a.attrelid::int8 AS relation,
       pg_catalog.sum(pg_catalog.hashtextextended(a.attnum || ' ' || a.attname COLLATE pg_catalog."C", 0))::text AS sum
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
WHERE a.attrelid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY 1`;

const READ_NUMBERS = `
SELECT a.attrelid::int8 AS relation, a.attname AS name, a.attnum AS number
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped`;

/**
 * The relations of which a name stands for another column by now than in the snapshot. Rows come by names, as `COPY` finds
 * them in the catalogs of the present, so that they would be those of the other column; its file nodes do not tell.
 */
export async function relationsWithOtherColumns(
  access: Snapshotted,
  { relations }: Inventory,
): Promise<Inventory['relations']> {
  return inBoth(access, async (session, then) => {
    const [now, before] = [await readSums(session), await then(() => readSums(session))];
    // What is gone was copied before, or has failed by itself.
    const differing = [...before]
      .filter(([oid, sum]) => now.has(oid) && now.get(oid) !== sum)
      .map(([oid]) => oid);
    if (differing.length === 0) return [];
    const [numbers, earlier] = [
      await readNumbers(session, differing),
      await then(() => readNumbers(session, differing)),
    ];
    const others = new Set(
      [...earlier]
        .filter(([column, number]) => numbers.get(column) !== number)
        .map(([column]) => relationOf(column)),
    );
    return relations.filter(({ oid }) => others.has(oid));
  });
}

type Snapshotted = Pick<SideAccess, 'open'> & { readonly snapshot: string };

/** Runs `work` with a session that sees the present, and the snapshot within `then`. */
async function inBoth<T>(
  { open, snapshot }: Snapshotted,
  work: (session: Session, then: <V>(read: () => Promise<V>) => Promise<V>) => Promise<T>,
): Promise<T> {
  const session = await open();
  try {
    return await work(session, (read) => withSnapshot(session, snapshot, read));
  } finally {
    await session.close();
  }
}

const READ_LABELS = `
SELECT e.oid::int8 AS oid, e.enumlabel AS label, pg_catalog.format_type(e.enumtypid, NULL) AS type
FROM pg_catalog.pg_enum e`;

/**
 * Rows carry the labels of enums as they are in the present, which the definitions of the snapshot may not have: a target
 * refuses those as they come, but a dump would be one that nobody can restore.
 *
 * @throws HyperferryError `SOURCE_CHANGED` that names the enums
 */
export async function refuseOtherLabels(access: Snapshotted): Promise<void> {
  const others = await inBoth(access, async (session, then) => {
    const [now, before] = [await readLabels(session), await then(() => readLabels(session))];
    const renamed = [...before].filter(([oid, { label }]) => (now.get(oid)?.label ?? label) !== label);
    return new Set(renamed.map(([, { type }]) => type));
  });
  if (others.size === 0) return;
  throw sourceChanged(
    `labels of enums were renamed on the source after the snapshot was taken: of ${[...others].join(', ')}`,
  );
}

async function readLabels(session: Session): Promise<Map<string, { label: string; type: string }>> {
  const rows = await session.query<{ oid: string; label: string; type: string }>(READ_LABELS);
  return new Map(rows.map(({ oid, label, type }) => [oid, { label, type }]));
}

async function readSums(session: Session): Promise<Map<number, string>> {
  const sums = new Map<number, string>();
  await session.each<{ relation: string; sum: string }>(READ_SUMS, ({ relation, sum }) =>
    sums.set(Number(relation), sum),
  );
  return sums;
}

/** @throws HyperferryError `SOURCE_CHANGED` that names some of them */
export function refuseOtherColumns(relations: Inventory['relations']): void {
  if (relations.length === 0) return;
  const shown = relations.slice(0, 10).map(({ schema, name }) => `${schema}.${name}`);
  throw sourceChanged(
    `columns were renamed, or dropped and added, on the source after the snapshot was taken: of ${shown.join(', ')}`,
  );
}

/** By the relation's OID and the column's name, with a space between. */
async function readNumbers(session: Session, relations: readonly number[]): Promise<Map<string, number>> {
  const rows = await session.query<{ relation: string; name: string; number: number }>(READ_NUMBERS, [
    relations,
  ]);
  return new Map(rows.map(({ relation, name, number }) => [`${relation} ${name}`, number]));
}

function relationOf(column: string): number {
  return Number(column.slice(0, column.indexOf(' ')));
}
