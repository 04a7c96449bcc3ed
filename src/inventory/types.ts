import type { Session } from '../postgres/session.js';
import { isBloomFilter, isCompressedData } from '../timescale/timescale.js';

/** What must be known of the database's types to choose how their values travel. */
export interface TypeCatalog {
  /** Whether a value's binary form means the same on another server. */
  isBinarySafe(type: number): boolean;
  isCompressedData(type: number): boolean;
  /** A filter over the hashes of the values in a batch of compressed rows. */
  isBloomFilter(type: number): boolean;
  /** Whether a value's binary form holds OIDs: of types of the user's, or of what `regclass` and its like name. */
  holdsOids(type: number): boolean;
  /** Whether a value's hash is that of an OID, such as that of an enum's label: another on another server. */
  hashesOids(type: number): boolean;
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

/** Built-in types whose value is the OID of an object, which is another on another server. */
const OIDS_OF_OBJECTS = new Set([
  ...['regproc', 'regprocedure', 'regoper', 'regoperator', 'regclass', 'regtype', 'regrole', 'regnamespace'],
  ...['regconfig', 'regdictionary', 'regcollation', 'regdatabase'],
]);

/**
 * Other built-in types whose binary form holds OIDs or depends on the server, or that have none. (`xml` may carry a
 * declaration of its encoding; its text form does not.) And those that refuse their own: int2vectorrecv() and
 * oidvectorrecv() an empty vector, which array_recv() makes one without dimensions (src/backend/utils/adt/int.c, oid.c);
 * tsqueryrecv() of PostgreSQL 18.6 a query without operands.
 */
const UNSAFE_BUILT_IN = new Set([
  ...['aclitem', 'xml', 'pg_node_tree', 'pg_ndistinct', 'pg_dependencies', 'pg_mcv_list', 'gtsvector'],
  ...['cstring', 'pg_brin_bloom_summary', 'pg_brin_minmax_multi_summary', 'refcursor'],
  ...['int2vector', 'oidvector', 'tsquery'],
]);

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
        if (type.oid < FIRST_USER_OID && (UNSAFE_BUILT_IN.has(type.name) || OIDS_OF_OBJECTS.has(type.name)))
          return false;
        // array_send writes its element type's OID.
        if (type.element !== 0) return type.element < FIRST_USER_OID && isBinarySafe(type.element);
        // Compressed values mean the same to one version of TimescaleDB everywhere.
        return type.oid < FIRST_USER_OID || isCompressedData(type);
      default: // record_send writes its columns' types' OIDs
        return false;
    }
  };
  const isBinarySafe = (oid: number): boolean => {
    const answer = known.get(oid) ?? judge(oid);
    known.set(oid, answer);
    return answer;
  };
  const isOfObject = ({ oid, name }: Type): boolean => oid < FIRST_USER_OID && OIDS_OF_OBJECTS.has(name);
  /** Looks at what a type is made of; of a composite, or an array of one, nothing is known. */
  const isOrContains = (oid: number, answers: (type: Type) => boolean): boolean => {
    const type = byOid.get(oid);
    if (!type || answers(type)) return true;
    return [type.element, type.base, type.subtype].some((part) => part !== 0 && isOrContains(part, answers));
  };
  return {
    isBinarySafe,
    holdsOids: (oid) => isOrContains(oid, (type) => isOfObject(type) || type.element >= FIRST_USER_OID),
    hashesOids: (oid) => isOrContains(oid, (type) => isOfObject(type) || type.kind === 'e'),
    isBloomFilter: (oid) => {
      const type = byOid.get(oid);
      return type !== undefined && isBloomFilter(type);
    },
    isCompressedData: (oid) => {
      const type = byOid.get(oid);
      return type !== undefined && isCompressedData(type);
    },
  };
}
