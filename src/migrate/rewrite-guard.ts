import type { Relation } from '../inventory/relations.js';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteLiteral, quoteQualified } from '../postgres/quoting.js';
import type { Row } from '../postgres/session.js';
import type { FirstStatements } from '../postgres/snapshot.js';

type Guarded = Pick<Relation, 'oid' | 'schema' | 'name' | 'fileNode'>;

/** A relation that is locked. */
export interface LockedRelation extends Row {
  readonly oid: string;
  /** Null when another relation has the name by now. */
  readonly fileNode: string | null;
}

/**
 * Statements that take the locks of the copy, and then give each relation's file node. A relation that is gone they
 * explain as `SOURCE_CHANGED`.
 */
export function lockFileNodes(relations: readonly Guarded[]): FirstStatements {
  const names = relations.map((relation) => `ONLY ${quoteQualified(relation)}`).join(', ');
  const rows = relations.map(
    (relation) => `(${relation.oid}::oid, ${quoteLiteral(quoteQualified(relation))})`,
  );
  const sql = `
LOCK TABLE ${names} IN ACCESS SHARE MODE;
SELECT r.oid::int8 AS oid,
       CASE WHEN pg_catalog.to_regclass(r.name)::oid = r.oid
            THEN pg_catalog.pg_relation_filenode(r.oid)::int8 END AS "fileNode"
FROM (VALUES ${rows.join(',\n')}) AS r (oid, name)`;
  return { sql, explain: explainMissing };
}

function explainMissing(error: unknown): unknown {
  const refusal = databaseError(error);
  // undefined_table, invalid_schema_name
  return ['42P01', '3F000'].includes(refusal?.code ?? '')
    ? sourceChanged(
        `a relation was dropped or renamed on the source after the snapshot was taken: ${refusal?.message}`,
        error,
      )
    : error;
}

/**
 * Compares each relation's file node with that of the snapshot. A `TRUNCATE` (and so `compress_chunk`) is not
 * MVCC-safe: to the snapshot, the relation would look empty. And what is copied is what has the name: it must be the
 * relation that had it.
 * Source: https://www.postgresql.org/docs/current/mvcc-caveats.html
 *
 * @throws HyperferryError `SOURCE_CHANGED` that names the relations
 */
export function expectSameFiles(relations: readonly Guarded[], locked: readonly LockedRelation[]): void {
  const found = new Map(locked.map(({ oid, fileNode }) => [oid, fileNode]));
  const changed = relations.filter(({ oid, fileNode }) => found.get(String(oid)) !== String(fileNode));
  if (changed.length === 0) return;
  const shown = changed.slice(0, 10).map(({ schema, name }) => `${schema}.${name}`);
  throw sourceChanged(
    `rewritten or renamed on the source after the snapshot was taken (compressed, truncated, reordered or vacuumed in full): ${shown.join(', ')}`,
  );
}

export function sourceChanged(message: string, cause?: unknown): HyperferryError {
  return new HyperferryError('SOURCE_CHANGED', message, {
    cause,
    // A dump comes here too, and has one attempt alone.
    hint: 'Keep other sessions from compressing, truncating and dropping while rows are read, and begin again. A migration can copy such relations anew: hyperferry migrate --on-rewrite retry.',
  });
}
