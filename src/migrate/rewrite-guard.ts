import type { Relation } from '../inventory/relations.js';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';

const LOCKED_FILE_NODES = `
SELECT r.oid::int8 AS oid,
       CASE WHEN pg_catalog.to_regclass(r.name)::oid = r.oid
            THEN pg_catalog.pg_relation_filenode(r.oid)::int8 END AS "fileNode"
FROM ROWS FROM (unnest($1::oid[]), unnest($2::text[])) AS r (oid, name)`;

/**
 * Takes the locks of the copy, and then compares each relation's file node with that of the snapshot. A `TRUNCATE`
 * (and so `compress_chunk`) is not MVCC-safe: to the snapshot, the relation would look empty. And
 * what is copied is what has the name: it must be the relation that had it.
 * Source: https://www.postgresql.org/docs/current/mvcc-caveats.html
 *
 * @throws HyperferryError `SOURCE_CHANGED` that names the relations
 */
export async function guardAgainstRewrite(
  source: Session,
  relations: readonly Pick<Relation, 'oid' | 'schema' | 'name' | 'fileNode'>[],
): Promise<void> {
  const names = relations.map((relation) => `ONLY ${quoteQualified(relation)}`).join(', ');
  let dropped: unknown;
  const found = new Map<number, number | null>();
  try {
    await source.query(`LOCK TABLE ${names} IN ACCESS SHARE MODE`);
    const rows = await source.query<{ oid: string; fileNode: string | null }>(LOCKED_FILE_NODES, [
      relations.map(({ oid }) => oid),
      relations.map(quoteQualified),
    ]);
    for (const { oid, fileNode } of rows) found.set(Number(oid), fileNode === null ? null : Number(fileNode));
  } catch (error) {
    // undefined_table, invalid_schema_name
    if (!['42P01', '3F000'].includes(databaseError(error)?.code ?? '')) throw error;
    dropped = error;
  }
  const changed = relations.filter(({ oid, fileNode }) => found.get(oid) !== fileNode);
  if (changed.length === 0) return;
  const shown = changed.slice(0, 10).map(({ schema, name }) => `${schema}.${name}`);
  throw new HyperferryError(
    'SOURCE_CHANGED',
    dropped
      ? `a relation was dropped or renamed on the source after the snapshot was taken: ${databaseError(dropped)?.message}`
      : `rewritten or renamed on the source after the snapshot was taken (compressed, truncated, reordered or vacuumed in full): ${shown.join(', ')}`,
    {
      cause: dropped,
      hint: 'Keep other sessions from compressing, truncating and dropping while the copy runs, or let Hyperferry copy such relations anew: --on-rewrite retry.',
    },
  );
}
