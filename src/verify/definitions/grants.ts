import { type DefinitionQuery, relationKind, type Versions } from './definition.js';

/** Each catalog whose objects have grants. The letter is that of `acldefault()`. */
const GRANTED: readonly (readonly [
  catalog: string,
  letter: string,
  kind: string,
  object: string,
  acl: string,
  owner: string,
])[] = [
  [
    'pg_class',
    `CASE o.relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END`,
    relationKind('o'),
    'o.oid::pg_catalog.regclass::text',
    'relacl',
    'relowner',
  ],
  [
    'pg_proc',
    `'f'`,
    `CASE o.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END`,
    'o.oid::pg_catalog.regprocedure::text',
    'proacl',
    'proowner',
  ],
  [
    'pg_type',
    `'T'`,
    `CASE o.typtype WHEN 'd' THEN 'domain' ELSE 'type' END`,
    'pg_catalog.format_type(o.oid, NULL)',
    'typacl',
    'typowner',
  ],
  ['pg_namespace', `'n'`, `'schema'`, 'pg_catalog.quote_ident(o.nspname)', 'nspacl', 'nspowner'],
  ['pg_language', `'l'`, `'language'`, 'pg_catalog.quote_ident(o.lanname)', 'lanacl', 'lanowner'],
  ['pg_foreign_server', `'S'`, `'server'`, 'pg_catalog.quote_ident(o.srvname)', 'srvacl', 'srvowner'],
  [
    'pg_foreign_data_wrapper',
    `'F'`,
    `'foreign-data wrapper'`,
    'pg_catalog.quote_ident(o.fdwname)',
    'fdwacl',
    'fdwowner',
  ],
  ['pg_largeobject_metadata', `'L'`, `'large object'`, 'o.oid::text', 'lomacl', 'lomowner'],
];

/**
 * Grants by what they add to or take from an object's first privileges: those that PostgreSQL gives, or that initdb or
 * the extension's script gave. So what is written out on one side and left to the default on the other is the same,
 * and the owner, who may be another, is called the owner.
 */
export const GRANTS: DefinitionQuery = (versions) =>
  [
    ...GRANTED.map(([catalog, letter, kind, object, acl, owner]) =>
      changes(
        versions,
        `SELECT 'grants on ' || ${kind} AS kind, ${object} AS object, o.${acl} AS acl, o.${owner} AS owner,
                CASE WHEN ${catalog === 'pg_namespace' ? `o.nspname <> 'public'` : 'true'}
                     THEN COALESCE(i.initprivs, pg_catalog.acldefault(${letter}, o.${owner})) END AS first
         FROM pg_catalog.${catalog} o ${initially(catalog, 'o.oid', '0')}
         WHERE o.${acl} IS NOT NULL AND (o.${acl} IS DISTINCT FROM i.initprivs ${catalog === 'pg_namespace' ? `OR o.nspname = 'public'` : ''})
           ${catalog === 'pg_namespace' ? `AND o.nspname !~ '^(pg_temp|pg_toast|information_schema$|_hyperferry$)'` : ''}
           ${catalog === 'pg_class' ? `AND o.relpersistence <> 't' AND o.relnamespace::pg_catalog.regnamespace::text NOT IN ('information_schema', '_hyperferry')` : ''}`,
      ),
    ),
    changes(
      versions,
      `SELECT 'grants on column' AS kind, a.attrelid::pg_catalog.regclass || '.' || pg_catalog.quote_ident(a.attname) AS object,
              a.attacl AS acl, o.relowner AS owner, i.initprivs AS first
       FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class o ON o.oid = a.attrelid
       ${initially('pg_class', 'o.oid', 'a.attnum')}
       WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND a.attacl IS DISTINCT FROM i.initprivs
         AND o.relnamespace::pg_catalog.regnamespace::text <> 'information_schema'`,
    ),
    changes(
      versions,
      `SELECT 'default privileges' AS kind,
              pg_catalog.format('of %I on %s%s', pg_catalog.pg_get_userbyid(o.defaclrole),
                CASE o.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
                                     WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END,
                ' in ' || NULLIF(o.defaclnamespace, 0)::pg_catalog.regnamespace) AS object,
              o.defaclacl AS acl, o.defaclrole AS owner,
              CASE o.defaclnamespace WHEN 0 THEN pg_catalog.acldefault(
                CASE o.defaclobjtype WHEN 'S' THEN 's'::"char" ELSE o.defaclobjtype END, o.defaclrole) END AS first
       FROM pg_catalog.pg_default_acl o`,
    ),
  ].join(' UNION ALL ');

function initially(catalog: string, oid: string, column: string): string {
  return `LEFT JOIN pg_catalog.pg_init_privs i ON i.classoid = 'pg_catalog.${catalog === 'pg_largeobject_metadata' ? 'pg_largeobject' : catalog}'::pg_catalog.regclass
    AND i.objoid = ${oid} AND i.objsubid = ${column}`;
}

/** @param objects a query of (kind, object, acl, owner, first) */
function changes(versions: Versions, objects: string): string {
  return `
SELECT g.kind, g.object, g.text FROM (
  SELECT x.kind, x.object, (
    SELECT pg_catalog.string_agg(line, E'\\n' ORDER BY line COLLATE pg_catalog."C") FROM (
      (${lines('x.acl', versions)} EXCEPT ${lines('x.first', versions)})
      UNION ALL
      (SELECT 'not ' || line FROM (${lines('x.first', versions)} EXCEPT ${lines('x.acl', versions)}) AS revoked)) AS change) AS text
  FROM (${objects}) AS x) AS g
WHERE g.text IS NOT NULL`;
}

/** MAINTAIN came with PostgreSQL 17, and belongs to what an owner and GRANT ALL give there. */
function lines(acl: string, { older }: Versions): string {
  return `SELECT pg_catalog.concat(CASE a.grantee WHEN 0 THEN 'PUBLIC' WHEN x.owner THEN 'the owner'
                 ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END,
          ' may ', a.privilege_type, CASE WHEN a.is_grantable THEN ' with grant option' END,
          CASE WHEN a.grantor <> x.owner THEN ' by ' || pg_catalog.pg_get_userbyid(a.grantor) END) AS line
   FROM pg_catalog.aclexplode(${acl}) AS a ${older >= 170_000 ? '' : `WHERE a.privilege_type <> 'MAINTAIN'`}`;
}
