import type { Session } from '../postgres/session.js';
import { isCompressedData } from '../timescale/timescale.js';

/** What must be known of the database's types to choose how their values travel. */
export interface TypeCatalog {
  /** Whether a value's binary form means the same on another server. */
  isBinarySafe(type: number): boolean;
  isCompressedData(type: number): boolean;
  /** Whether a value's binary form holds the OID of a type of the user's: another on another server. */
  holdsTypeOids(type: number): boolean;
}

interface Type {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** `typtype`: base, composite, domain, enum, pseudo, range, multirange. */
  readonly kind: string;
  /** The element of an array, else 0. */
  readonly element: number;
  /** The type under a domain, else 0. */
  readonly base: number;
  /** The subtype of a range or a multirange, else 0. */
  readonly subtype: number;
}

/** Objects below this OID are made by initdb, and a built-in type's OID never changes (src/include/access/transam.h). */
const FIRST_USER_OID = 16384;

/**
 * Built-in types whose binary form is an OID or depends on the server, or that have none.
 * The `reg…` types send the OID of an object, which is another on another server. (`xml` may carry a declaration of
 * its encoding; its text form does not.)
 */
const UNSAFE_BUILT_IN = new Set(
  [
    ...[
      'regproc',
      'regprocedure',
      'regoper',
      'regoperator',
      'regclass',
      'regtype',
      'regrole',
      'regnamespace',
    ],
    ...['regconfig', 'regdictionary', 'regcollation', 'regdatabase'],
    ...[
      'aclitem',
      'xml',
      'pg_node_tree',
      'pg_ndistinct',
      'pg_dependencies',
      'pg_mcv_list',
      'gtsvector',
      'cstring',
    ],
    ...['pg_brin_bloom_summary', 'pg_brin_minmax_multi_summary', 'refcursor'],
  ].values(),
);

const READ_TYPES = `
SELECT t.oid::int8 AS oid, n.nspname AS schema, t.typname AS name, t.typtype AS kind,
       CASE WHEN t.typcategory = 'A' THEN t.typelem::int8 ELSE 0 END AS element,
       t.typbasetype::int8 AS base, COALESCE(r.rngsubtype, m.rngsubtype, 0)::int8 AS subtype
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid
LEFT JOIN pg_catalog.pg_range m ON MULTIRANGE
-- The row types of tables and their arrays are many, and never safe.
WHERE t.typtype <> 'c' AND NOT (t.typcategory = 'A' AND EXISTS (
  SELECT FROM pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typtype = 'c'))`;

export async function readTypes(session: Session, serverVersion: number): Promise<TypeCatalog> {
  // Multiranges came with PostgreSQL 14.
  const multirange = serverVersion >= 140_000 ? 'm.rngmultitypid = t.oid' : 'false';
  const rows = await session.query<Record<keyof Type, string>>(READ_TYPES.replace('MULTIRANGE', multirange));
  return typeCatalog(
    rows.map((row) => ({
      oid: Number(row.oid),
      schema: row.schema,
      name: row.name,
      kind: row.kind,
      element: Number(row.element),
      base: Number(row.base),
      subtype: Number(row.subtype),
    })),
  );
}

function typeCatalog(types: readonly Type[]): TypeCatalog {
  const byOid = new Map(types.map((type) => [type.oid, type]));
  const known = new Map<number, boolean>();

  const judge = (oid: number): boolean => {
    const type = byOid.get(oid);
    if (!type) return false;
    switch (type.kind) {
      case 'e': // enum_send sends the label
        return true;
      case 'd':
        return isBinarySafe(type.base);
      case 'r':
      case 'm':
        return isBinarySafe(type.subtype);
      case 'b':
        // array_send writes its element type's OID.
        if (type.element !== 0) return type.element < FIRST_USER_OID && isBinarySafe(type.element);
        // Compressed values mean the same to one version of TimescaleDB everywhere.
        return type.oid < FIRST_USER_OID ? !UNSAFE_BUILT_IN.has(type.name) : isCompressedData(type);
      default: // record_send writes its columns' types' OIDs
        return false;
    }
  };
  const isBinarySafe = (oid: number): boolean => {
    const answer = known.get(oid) ?? judge(oid);
    known.set(oid, answer);
    return answer;
  };
  const holdsTypeOids = (oid: number): boolean => {
    const type = byOid.get(oid);
    if (!type) return true; // a composite, or an array of one
    if (type.element !== 0) return type.element >= FIRST_USER_OID || holdsTypeOids(type.element);
    if (type.base !== 0) return holdsTypeOids(type.base);
    return type.subtype !== 0 && holdsTypeOids(type.subtype);
  };
  return {
    isBinarySafe,
    holdsTypeOids,
    isCompressedData: (oid) => {
      const type = byOid.get(oid);
      return type !== undefined && isCompressedData(type);
    },
  };
}
