import { isNoMember } from '../../postgres/extension-member.js';
import { type DefinitionQuery, relationKind } from './definition.js';

/** Names of operator classes and families are each access method's own. */
const ACCESS_METHOD: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ['pg_opclass', 'opcmethod'],
    ['pg_opfamily', 'opfmethod'],
  ].map(([catalog, method]) => [
    catalog,
    ` || ' USING ' || (SELECT pg_catalog.quote_ident(m.amname) FROM pg_catalog.pg_am m WHERE m.oid = o.${method})`,
  ]),
);

/** Each catalog whose objects have an owner: how the object is named, and where the owner stands. */
const OWNED: readonly (readonly [
  catalog: string,
  kind: string,
  object: string,
  owner: string,
  where: string,
])[] = [
  [
    'pg_class',
    relationKind('o'),
    'o.oid::pg_catalog.regclass::text',
    'relowner',
    `o.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND o.relpersistence <> 't'`,
  ],
  [
    'pg_proc',
    `CASE o.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END`,
    'o.oid::pg_catalog.regprocedure::text',
    'proowner',
    'true',
  ],
  [
    'pg_type',
    `CASE o.typtype WHEN 'd' THEN 'domain' ELSE 'type' END`,
    'pg_catalog.format_type(o.oid, NULL)',
    'typowner',
    `(o.typtype IN ('e', 'd', 'r') OR o.typtype = 'b' AND o.typcategory <> 'A'
      OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = o.typrelid AND c.relkind = 'c'))`,
  ],
  ['pg_namespace', `'schema'`, 'pg_catalog.quote_ident(o.nspname)', 'nspowner', 'true'],
  ['pg_publication', `'publication'`, 'pg_catalog.quote_ident(o.pubname)', 'pubowner', 'true'],
  ['pg_event_trigger', `'event trigger'`, 'pg_catalog.quote_ident(o.evtname)', 'evtowner', 'true'],
  ['pg_foreign_server', `'server'`, 'pg_catalog.quote_ident(o.srvname)', 'srvowner', 'true'],
  [
    'pg_foreign_data_wrapper',
    `'foreign-data wrapper'`,
    'pg_catalog.quote_ident(o.fdwname)',
    'fdwowner',
    'true',
  ],
  ['pg_language', `'language'`, 'pg_catalog.quote_ident(o.lanname)', 'lanowner', 'true'],
  ...(
    [
      ['pg_statistic_ext', 'statistics', 'stxname', 'stxnamespace', 'stxowner'],
      ['pg_operator', 'operator', '', '', 'oprowner'],
      ['pg_opclass', 'operator class', 'opcname', 'opcnamespace', 'opcowner'],
      ['pg_opfamily', 'operator family', 'opfname', 'opfnamespace', 'opfowner'],
      ['pg_collation', 'collation', 'collname', 'collnamespace', 'collowner'],
      ['pg_conversion', 'conversion', 'conname', 'connamespace', 'conowner'],
      ['pg_ts_dict', 'text search dictionary', 'dictname', 'dictnamespace', 'dictowner'],
      ['pg_ts_config', 'text search configuration', 'cfgname', 'cfgnamespace', 'cfgowner'],
    ] as const
  ).map(
    ([catalog, kind, name, schema, owner]) =>
      [
        catalog,
        `'${kind}'`,
        catalog === 'pg_operator'
          ? 'o.oid::pg_catalog.regoperator::text'
          : `o.${schema}::pg_catalog.regnamespace || '.' || pg_catalog.quote_ident(o.${name})${ACCESS_METHOD[catalog] ?? ''}`,
        owner,
        'true',
      ] as const,
  ),
];

/** Objects below the first user OID are the server's; the schema `public` is the user's all the same. */
export const OWNERS: DefinitionQuery = () =>
  OWNED.map(
    ([catalog, kind, object, owner, where]) => `
SELECT 'owner of ' || ${kind} AS kind, ${object} AS object, pg_catalog.pg_get_userbyid(o.${owner})::text AS text
FROM pg_catalog.${catalog} o
WHERE (o.oid >= 16384 ${catalog === 'pg_namespace' ? `OR o.nspname = 'public'` : ''}) AND ${where} AND ${isNoMember(catalog, 'o.oid')}
  ${SCHEMA_OF[catalog] ? `AND o.${SCHEMA_OF[catalog]}::pg_catalog.regnamespace::text !~ '^(pg_|_hyperferry$)'` : ''}
  ${catalog === 'pg_namespace' ? `AND o.nspname !~ '^(pg_|_hyperferry$)'` : ''}`,
  ).join(' UNION ALL ');

const SCHEMA_OF: Readonly<Record<string, string>> = {
  pg_class: 'relnamespace',
  pg_proc: 'pronamespace',
  pg_type: 'typnamespace',
};
