import type { Session } from '../postgres/session.js';
import { HYPERTABLES } from './timescale.js';

/**
 * Chunks whose definitions are made from the catalogs instead of by `pg_dump`, which locks every table that it dumps:
 * 20,000 of them do not fit a server's default `max_locks_per_transaction`.
 */
export interface PlainChunks {
  /** The OIDs of their tables. */
  readonly oids: ReadonlySet<number>;
  /** `pg_dump --exclude-table` patterns that match these tables and no other relation. */
  readonly patterns: readonly string[];
}

export const NO_PLAIN_CHUNKS: PlainChunks = { oids: new Set(), patterns: [] };

/** `_hyper_1_5_chunk`; for its compressed rows `compress_hyper_2_9_chunk` or, in newer versions, `…_chunk_compressed`. */
const CHUNK_NAME = /^(.+_)\d+(_chunk|_chunk_compressed)$/;

/**
 * What `--exclude-table` takes for one of these names, relations of any of these kinds, and whether each is a chunk, or
 * holds the compressed rows of one.
 */
const READ_CANDIDATES = `
WITH hypertable AS MATERIALIZED (${HYPERTABLES})
SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name,
       NOT EXISTS (SELECT FROM hypertable h WHERE h.oid = c.oid)
         AND (EXISTS (SELECT FROM pg_catalog.pg_inherits i JOIN hypertable h ON h.oid = i.inhparent WHERE i.inhrelid = c.oid)
           OR EXISTS (SELECT FROM pg_catalog.pg_attribute a
                      WHERE a.attrelid = c.oid AND a.atttypid = '_timescaledb_internal.compressed_data'::pg_catalog.regtype)) AS "isChunk"
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relname LIKE ANY (ARRAY['%\\_chunk', '%\\_chunk\\_compressed'])`;

/**
 * Of the tables in $1, those that have more than what is derived from their hypertable or read by the definitions'
 * query: settings of their own, comments, rules, policies, columns of their own, objects of others that depend on them.
 */
const READ_UNUSUAL = `
WITH chunk AS MATERIALIZED (
  SELECT c.*, i.inhparent AS parent
  FROM pg_catalog.pg_class c
  LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid
  WHERE c.oid = ANY ($1::oid[])
), parent_column AS MATERIALIZED (
  SELECT * FROM pg_catalog.pg_attribute p
  WHERE p.attrelid IN (SELECT parent FROM chunk) AND p.attnum > 0 AND NOT p.attisdropped
), grants AS (
  SELECT DISTINCT h.relowner, h.relacl::text AS acl FROM (${HYPERTABLES}) AS h
), own_index AS MATERIALIZED (
  SELECT i.indrelid, i.indexrelid, i.indisreplident, x.reloptions
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  WHERE i.indrelid = ANY ($1::oid[])
), own_constraint AS MATERIALIZED (
  SELECT * FROM pg_catalog.pg_constraint WHERE conrelid = ANY ($1::oid[])
), own_trigger AS MATERIALIZED (
  SELECT * FROM pg_catalog.pg_trigger WHERE tgrelid = ANY ($1::oid[])
), own_object (classid, objid, chunk) AS MATERIALIZED (
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid, oid, oid FROM chunk
  UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid, indexrelid, indrelid FROM own_index
  UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass::oid, oid, conrelid FROM own_constraint
  UNION ALL SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass::oid, oid, tgrelid FROM own_trigger
  UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid, reltoastrelid, oid FROM chunk
  UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass::oid, reltype, oid FROM chunk
  UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass::oid, t.typarray, c.oid
            FROM chunk c JOIN pg_catalog.pg_type t ON t.oid = c.reltype
  UNION ALL SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass::oid, d.oid, d.adrelid
            FROM pg_catalog.pg_attrdef d WHERE d.adrelid = ANY ($1::oid[])
  -- Of a foreign key to the hypertable, TimescaleDB or PostgreSQL keeps a part for each chunk.
  UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass::oid, oid, confrelid
            FROM pg_catalog.pg_constraint WHERE conparentid <> 0 AND confrelid = ANY ($1::oid[])
), dependency AS MATERIALIZED (
  SELECT classid, objid, refclassid, refobjid, deptype FROM pg_catalog.pg_depend
  WHERE refclassid = ANY (ARRAY['pg_catalog.pg_class', 'pg_catalog.pg_type']::pg_catalog.regclass[]::oid[]) AND refobjid >= 16384
), other_object AS MATERIALIZED (
  SELECT o.chunk, d.classid, d.objid, d.refobjid, d.deptype
  FROM own_object o
  JOIN dependency d ON d.refclassid = o.classid AND d.refobjid = o.objid
  LEFT JOIN own_object mine ON mine.classid = d.classid AND mine.objid = d.objid AND mine.chunk = o.chunk
  WHERE mine.objid IS NULL
)
SELECT oid::int8 AS oid FROM chunk
WHERE relkind <> 'r' OR relpersistence <> 'p' OR relispartition OR relhasrules OR relrowsecurity OR relforcerowsecurity
   OR reloftype <> 0 OR relreplident <> 'd'
   OR (relacl IS NOT NULL AND (relowner, relacl::text) NOT IN (SELECT relowner, acl FROM grants WHERE acl IS NOT NULL))
UNION ALL
SELECT oid FROM chunk GROUP BY oid HAVING pg_catalog.count(*) > 1
UNION ALL
SELECT c.oid FROM chunk c JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid WHERE t.reloptions IS NOT NULL
UNION ALL
SELECT c.oid
FROM chunk c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN parent_column p ON p.attrelid = c.parent AND p.attname = a.attname
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_attrdef e ON e.adrelid = p.attrelid AND e.adnum = p.attnum
WHERE a.attidentity <> '' OR a.attacl IS NOT NULL OR a.attfdwoptions IS NOT NULL
   OR CASE WHEN c.parent IS NULL THEN a.atthasdef OR a.attgenerated <> ''
      ELSE a.attislocal OR a.attinhcount <> 1 OR p.attnum IS NULL
        OR (a.atttypid, a.atttypmod, a.attcollation, a.attnotnull, a.attgenerated, a.atthasdef)
           IS DISTINCT FROM (p.atttypid, p.atttypmod, p.attcollation, p.attnotnull, p.attgenerated, p.atthasdef)
        OR (a.atthasdef AND pg_catalog.pg_get_expr(d.adbin, d.adrelid) IS DISTINCT FROM pg_catalog.pg_get_expr(e.adbin, e.adrelid))
      END
UNION ALL
SELECT k.conrelid FROM own_constraint k
WHERE CASE k.contype
      WHEN 'c' THEN NOT k.convalidated OR k.conislocal <> (k.coninhcount = 0)
      WHEN 'n' THEN k.conislocal OR NOT EXISTS (
        SELECT FROM chunk c JOIN pg_catalog.pg_constraint q ON q.conrelid = c.parent
        WHERE c.oid = k.conrelid AND q.contype = 'n' AND q.conname = k.conname)
      WHEN 'f' THEN false
      ELSE k.conparentid <> 0 END
UNION ALL
SELECT i.indrelid FROM own_index i
WHERE i.indisreplident
   OR (i.reloptions IS NOT NULL AND EXISTS (SELECT FROM own_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')))
   OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indexrelid AND COALESCE(a.attstattarget, -1) >= 0)
UNION ALL
SELECT t.tgrelid FROM own_trigger t
WHERE NOT t.tgisinternal AND (t.tgenabled <> 'O' OR COALESCE((pg_catalog.to_jsonb(t)->>'tgparentid')::int8, 0) <> 0)
UNION ALL
SELECT o.chunk FROM own_object o JOIN pg_catalog.pg_description d ON d.classoid = o.classid AND d.objoid = o.objid
UNION ALL
SELECT o.chunk FROM own_object o JOIN pg_catalog.pg_seclabel s ON s.classoid = o.classid AND s.objoid = o.objid
UNION ALL
SELECT d.chunk FROM other_object d
-- The triggers of foreign keys belong to their constraints.
WHERE NOT (d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND d.deptype = 'i')
  -- The index of a TOAST table.
  AND NOT (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i') AND EXISTS (
    SELECT FROM pg_catalog.pg_index x WHERE x.indexrelid = d.objid AND x.indrelid = d.refobjid))
  AND NOT (d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND EXISTS (
    SELECT FROM pg_catalog.pg_constraint f WHERE f.oid = d.objid AND f.conparentid <> 0 AND f.contype = 'f'))`;

/**
 * Finds the plain chunks by their names, in groups: where one of a group is unusual, or something else has such a
 * name, the group is left to `pg_dump`.
 */
export async function findPlainChunks(session: Session): Promise<PlainChunks> {
  const groups = new Map<string, Group>();
  for (const { oid, schema, name, isChunk } of await session.query<CandidateRow>(READ_CANDIDATES)) {
    const [, prefix, suffix] = CHUNK_NAME.exec(name) ?? [];
    if (prefix === undefined || suffix === undefined) continue;
    const key = JSON.stringify([schema, prefix, suffix]);
    const group = groups.get(key) ?? { schema, prefix, suffix, oids: [], areChunks: true };
    groups.set(key, group);
    group.oids.push(Number(oid));
    group.areChunks &&= isChunk;
  }
  const candidates = [...groups.values()].filter(({ areChunks }) => areChunks);
  if (candidates.length === 0) return NO_PLAIN_CHUNKS;
  const rows = await session.query<{ oid: string }>(READ_UNUSUAL, [candidates.flatMap(({ oids }) => oids)]);
  const unusual = new Set(rows.map(({ oid }) => Number(oid)));
  const plain = candidates.filter(({ oids }) => !oids.some((oid) => unusual.has(oid)));
  return { oids: new Set(plain.flatMap(({ oids }) => oids)), patterns: patternsOf(plain) };
}

type CandidateRow = {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly isChunk: boolean;
};

/** Relations whose names differ by a number alone. */
interface Group {
  readonly schema: string;
  readonly prefix: string;
  readonly suffix: string;
  readonly oids: number[];
  areChunks: boolean;
}

/** `pg_dump` looks through all relations once for each pattern: groups share one, as many as a command line's word holds. */
const GROUPS_A_PATTERN = 500;

/**
 * In quotes, all but the quote itself stands for itself; outside them, the rest is a regular expression.
 * Source: https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-PATTERNS
 */
function patternsOf(groups: readonly Group[]): string[] {
  const alike = new Map<string, { schema: string; suffix: string; prefixes: string[] }>();
  for (const { schema, prefix, suffix } of groups) {
    const key = JSON.stringify([schema, suffix]);
    const same = alike.get(key) ?? { schema, suffix, prefixes: [] };
    alike.set(key, same);
    same.prefixes.push(prefix);
  }
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  return [...alike.values()].flatMap(({ schema, suffix, prefixes }) =>
    Array.from({ length: Math.ceil(prefixes.length / GROUPS_A_PATTERN) }, (_, index) => {
      const some = prefixes.slice(index * GROUPS_A_PATTERN, (index + 1) * GROUPS_A_PATTERN);
      return `${quoted(schema)}.(${some.map(quoted).join('|')})[0-9]+${quoted(suffix)}`;
    }),
  );
}
