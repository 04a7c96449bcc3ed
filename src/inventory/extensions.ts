import type { Session } from '../postgres/session.js';

/** A table or sequence of an extension whose content belongs to the user (`pg_extension_config_dump()`). */
export interface ConfigurationRelation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: 'table' | 'sequence';
  /** The rows that are the user's: empty or `WHERE …`. */
  readonly condition: string;
  readonly columns: readonly string[];
}

export interface Extension {
  readonly name: string;
  readonly version: string;
  readonly schema: string;
  readonly requires: readonly string[];
  /** Tables in the order of their foreign keys, then sequences. */
  readonly configuration: readonly ConfigurationRelation[];
}

const READ_EXTENSIONS = `
SELECT e.extname AS name, e.extversion AS version, n.nspname AS schema,
       ARRAY(SELECT r.extname::text FROM pg_catalog.pg_depend d
             JOIN pg_catalog.pg_extension r ON r.oid = d.refobjid
             WHERE d.classid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.objid = e.oid
               AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass) AS requires
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname <> 'plpgsql'
ORDER BY e.extname`;

const READ_CONFIGURATION = `
SELECT e.extname AS extension, c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
       pg_catalog.btrim(COALESCE(e.extcondition[at.index], '')) AS condition,
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
             ORDER BY a.attnum) AS columns,
       ARRAY(SELECT k.confrelid::int8::text FROM pg_catalog.pg_constraint k
             WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid <> c.oid) AS "references"
FROM pg_catalog.pg_extension e
CROSS JOIN LATERAL pg_catalog.unnest(e.extconfig) WITH ORDINALITY AS at (relation, index)
JOIN pg_catalog.pg_class c ON c.oid = at.relation
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'S')
ORDER BY e.extname, at.index`;

type ConfigurationRow = {
  extension: string;
  oid: string;
  schema: string;
  name: string;
  kind: 'r' | 'S';
  condition: string;
  columns: string[];
  references: string[];
};

/** The database's extensions but `plpgsql`, each after those that it requires. */
export async function readExtensions(session: Session): Promise<Extension[]> {
  const [rows, configuration] = await Promise.all([
    session.query<Omit<Extension, 'configuration'>>(READ_EXTENSIONS),
    session.query<ConfigurationRow>(READ_CONFIGURATION),
  ]);
  const extensions = rows.map((row) => ({
    ...row,
    configuration: inForeignKeyOrder(configuration.filter(({ extension }) => extension === row.name)),
  }));
  return inOrder(
    extensions,
    ({ name }) => name,
    ({ requires }) => requires,
  );
}

const READ_AVAILABLE_VERSIONS = `
SELECT name::text AS name, pg_catalog.array_agg(version::text) AS versions
FROM pg_catalog.pg_available_extension_versions GROUP BY name`;

/** The versions that the server has files for, by the extension's name. */
export async function readAvailableVersions(session: Session): Promise<Map<string, readonly string[]>> {
  const rows = await session.query<{ name: string; versions: string[] }>(READ_AVAILABLE_VERSIONS);
  return new Map(rows.map(({ name, versions }) => [name, versions]));
}

function inForeignKeyOrder(rows: readonly ConfigurationRow[]): ConfigurationRelation[] {
  const tables = rows.filter(({ kind }) => kind === 'r');
  const sequences = rows.filter(({ kind }) => kind === 'S');
  const ordered = inOrder(
    tables,
    ({ oid }) => oid,
    ({ references }) => references,
  );
  return [...ordered, ...sequences].map(({ oid, schema, name, kind, condition, columns }) => ({
    oid: Number(oid),
    schema,
    name,
    kind: kind === 'S' ? 'sequence' : 'table',
    condition,
    columns,
  }));
}

/** The items, each after those that it needs; needs that are no items are left aside, and a circle is cut. */
function inOrder<T>(
  items: readonly T[],
  key: (item: T) => string,
  needs: (item: T) => readonly string[],
): T[] {
  const byKey = new Map(items.map((item) => [key(item), item]));
  const ordered = new Set<T>();
  const visited = new Set<T>();
  const visit = (item: T): void => {
    if (visited.has(item)) return;
    visited.add(item);
    for (const need of needs(item)) {
      const needed = byKey.get(need);
      if (needed) visit(needed);
    }
    ordered.add(item);
  };
  for (const item of items) visit(item);
  return [...ordered];
}
