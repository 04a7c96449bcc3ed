import type { Session } from '../postgres/session.js';

/** A constraint that a table has of a parent which has it no more: `ALTER TABLE ONLY … DROP COLUMN` takes it from there alone. */
export interface OrphanedCheck {
  readonly name: string;
  readonly table: { readonly oid: number; readonly schema: string; readonly name: string };
  readonly owner: string;
  readonly definition: string;
  readonly isValid: boolean;
}

/** The children of such a table have theirs of it. */
const READ_ORPHANED_CHECKS = `
SELECT k.conname AS name, c.oid::int8 AS "table", n.nspname AS schema, c.relname AS "tableName",
       pg_catalog.pg_get_userbyid(c.relowner) AS owner, pg_catalog.pg_get_constraintdef(k.oid) AS definition,
       k.convalidated AS "isValid"
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid AND NOT c.relispartition
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'c' AND NOT k.conislocal AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_constraint p ON p.conrelid = i.inhparent
  WHERE i.inhrelid = k.conrelid AND p.contype = 'c' AND p.conname = k.conname AND NOT p.connoinherit)
ORDER BY k.oid`;

/** `pg_dump` writes a constraint with the table that it is local to, and these are local to none. */
export async function readOrphanedChecks(session: Session): Promise<OrphanedCheck[]> {
  const rows = await session.query<
    Record<'name' | 'table' | 'schema' | 'tableName' | 'owner' | 'definition', string> & {
      isValid: boolean;
    }
  >(READ_ORPHANED_CHECKS);
  return rows.map(({ table, schema, tableName, ...check }) => ({
    ...check,
    table: { oid: Number(table), schema, name: tableName },
  }));
}
