import type { Session } from '../postgres/session.js';

/** A constraint that holds for all rows of a table, though that of a parent may not hold for all of its own. */
export interface ValidatedCheck {
  readonly name: string;
  readonly table: { readonly oid: number; readonly schema: string; readonly name: string };
  readonly owner: string;
  /** The OIDs of the constraint, and of the parent's. */
  readonly oid: number;
  readonly ofParent: number;
}

/** One that is not enforced (PostgreSQL 18) is never validated. */
const READ_VALIDATED_CHECKS = `
SELECT DISTINCT ON (k.oid) k.oid::int8 AS oid, k.conname AS name, p.oid::int8 AS "ofParent", c.oid::int8 AS "table", n.nspname AS schema,
       c.relname AS "tableName", pg_catalog.pg_get_userbyid(c.relowner) AS owner
FROM pg_catalog.pg_constraint p
JOIN pg_catalog.pg_inherits i ON i.inhparent = p.conrelid
JOIN pg_catalog.pg_constraint k ON k.conrelid = i.inhrelid AND k.conname = p.conname AND k.contype = 'c'
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid AND NOT c.relispartition
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE p.contype = 'c' AND NOT p.convalidated AND NOT p.connoinherit AND k.convalidated
  AND COALESCE((pg_catalog.to_jsonb(p)->>'conenforced')::boolean, true)
ORDER BY k.oid`;

/**
 * A table that was made after its parent's `NOT VALID` has a constraint that is valid: a chunk, above all. `ALTER TABLE …
 * ADD CONSTRAINT … NOT VALID`, by which `pg_dump` makes the parent's, makes that of all children so.
 */
export async function readValidatedChecks(session: Session): Promise<ValidatedCheck[]> {
  const rows =
    await session.query<
      Record<'oid' | 'name' | 'ofParent' | 'table' | 'schema' | 'tableName' | 'owner', string>
    >(READ_VALIDATED_CHECKS);
  return rows.map(({ oid, name, ofParent, table, schema, tableName, owner }) => ({
    name,
    table: { oid: Number(table), schema, name: tableName },
    owner,
    oid: Number(oid),
    ofParent: Number(ofParent),
  }));
}
