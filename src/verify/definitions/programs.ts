import { isNoMember } from '../../postgres/extension-member.js';
import { type DefinitionQuery, IS_USER_SCHEMA, optionLines } from './definition.js';

const functions: DefinitionQuery = () => `
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END AS kind,
       p.oid::pg_catalog.regprocedure::text AS object, pg_catalog.pg_get_functiondef(p.oid) AS text
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind <> 'a' AND ${IS_USER_SCHEMA} AND ${isNoMember('pg_proc', 'p.oid')}
UNION ALL
SELECT 'aggregate', p.oid::pg_catalog.regprocedure::text,
       pg_catalog.concat_ws(E'\\n', 'kind ' || g.aggkind::text, 'direct arguments ' || g.aggnumdirectargs,
         'transition ' || g.aggtransfn, 'state ' || g.aggtranstype::pg_catalog.regtype, 'final ' || g.aggfinalfn,
         'combine ' || g.aggcombinefn, 'serialize ' || g.aggserialfn, 'deserialize ' || g.aggdeserialfn,
         'moving ' || g.aggmtransfn || ' ' || g.aggminvtransfn || ' ' || g.aggmfinalfn || ' ' || g.aggmtranstype::pg_catalog.regtype,
         'modify ' || g.aggfinalmodify::text || g.aggmfinalmodify::text, 'sorted by ' || g.aggsortop::pg_catalog.regoperator,
         'initially ' || g.agginitval, 'moving initially ' || g.aggminitval, 'parallel ' || p.proparallel::text)
FROM pg_catalog.pg_aggregate g JOIN pg_catalog.pg_proc p ON p.oid = g.aggfnoid
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE ${IS_USER_SCHEMA} AND ${isNoMember('pg_proc', 'p.oid')}`;

/** The columns of composite types are compared with those of tables. */
const types: DefinitionQuery = () => `
SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range type' WHEN 'c' THEN 'composite type'
                      ELSE 'type' END AS kind,
       pg_catalog.format_type(t.oid, NULL) AS object,
       pg_catalog.concat_ws(E'\\n',
         (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(e.enumlabel), E'\\n' ORDER BY e.enumsortorder)
          FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid),
         'on ' || pg_catalog.format_type(NULLIF(t.typbasetype, 0), t.typtypmod), CASE WHEN t.typnotnull THEN 'not null' END,
         'default ' || t.typdefault,
         CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation THEN 'collate ' || t.typcollation::pg_catalog.regcollation END,
         CASE WHEN t.typtype = 'b' THEN pg_catalog.concat_ws(' ', t.typlen, t.typbyval, t.typinput, t.typoutput, t.typreceive,
              t.typsend, t.typmodin, t.typmodout, t.typcategory, t.typispreferred, t.typdelim, t.typalign, t.typstorage) END,
         'subtype ' || r.rngsubtype::pg_catalog.regtype, 'collation ' || NULLIF(r.rngcollation, 0)::pg_catalog.regcollation,
         'canonical ' || r.rngcanonical, 'difference ' || r.rngsubdiff) AS text
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid
WHERE (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'b' AND t.typcategory <> 'A' OR c.relkind = 'c')
  AND ${IS_USER_SCHEMA} AND ${isNoMember('pg_type', 't.oid')}`;

const operators: DefinitionQuery = () => `
SELECT 'operator' AS kind, o.oid::pg_catalog.regoperator::text AS object,
       pg_catalog.concat_ws(E'\\n', 'function ' || o.oprcode, 'commutator ' || NULLIF(o.oprcom, 0)::pg_catalog.regoperator,
         'negator ' || NULLIF(o.oprnegate, 0)::pg_catalog.regoperator, 'restrict ' || o.oprrest, 'join ' || o.oprjoin,
         CASE WHEN o.oprcanhash THEN 'hashes' END, CASE WHEN o.oprcanmerge THEN 'merges' END) AS text
FROM pg_catalog.pg_operator o WHERE o.oid >= 16384 AND ${isNoMember('pg_operator', 'o.oid')}
UNION ALL
SELECT 'cast', pg_catalog.format('(%s AS %s)', s.castsource::pg_catalog.regtype, s.casttarget::pg_catalog.regtype),
       pg_catalog.concat_ws(' ', NULLIF(s.castfunc, 0)::pg_catalog.regprocedure, s.castcontext, s.castmethod)
FROM pg_catalog.pg_cast s WHERE s.oid >= 16384 AND ${isNoMember('pg_cast', 's.oid')}
UNION ALL
SELECT 'language', pg_catalog.quote_ident(l.lanname),
       pg_catalog.concat_ws(' ', l.lanpltrusted, NULLIF(l.lanplcallfoid, 0)::pg_catalog.regprocedure,
         NULLIF(l.laninline, 0)::pg_catalog.regprocedure, NULLIF(l.lanvalidator, 0)::pg_catalog.regprocedure)
FROM pg_catalog.pg_language l WHERE l.oid >= 16384 AND ${isNoMember('pg_language', 'l.oid')}`;

/**
 * Where a locale stands depends on its provider, and on the version: that of ICU stood where libc's do before PostgreSQL
 * 15, then in `colliculocale`, and from 17 on in `colllocale`. Read as JSON, a column that is not there is null.
 */
const collations: DefinitionQuery = ({ older }) => `
SELECT 'collation' AS kind, pg_catalog.format('%I.%I', n.nspname, c.collname) AS object,
       pg_catalog.concat_ws(E'\\n', 'provider ' || c.collprovider::text,
         'locale ' || CASE WHEN c.collprovider = 'i' THEN ${older >= 160_000 ? ICU_LOCALE : ICU_LANGUAGE} ELSE j.columns->>'colllocale' END,
         CASE WHEN c.collprovider = 'c' THEN 'collate ' || c.collcollate::text END,
         CASE WHEN c.collprovider = 'c' THEN 'ctype ' || c.collctype::text END,
         'rules ' || (j.columns->>'collicurules'), CASE WHEN NOT c.collisdeterministic THEN 'not deterministic' END) AS text
FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(c)) AS j (columns)
WHERE ${IS_USER_SCHEMA} AND ${isNoMember('pg_collation', 'c.oid')}`;

const ICU_LOCALE = `COALESCE(j.columns->>'colllocale', j.columns->>'colliculocale', c.collcollate::text)`;

/**
 * From PostgreSQL 16 on, CREATE COLLATION makes a language tag of what it is given: `de-u-co-phonebk` of
 * `de@collation=phonebook`. What both have in common is the language. Source: DefineCollation() in collationcmds.c.
 */
const ICU_LANGUAGE = `pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.lower(pg_catalog.replace(${ICU_LOCALE}, '_', '-')),
           '(@|-u-).*', ''), '^(root)?$', 'und')`;

/** Kinds that are rare: their names and their parts, each by what the server calls it. */
const RARE = [
  ...['pg_opclass', 'pg_opfamily', 'pg_amop', 'pg_amproc', 'pg_conversion', 'pg_transform', 'pg_am'],
  ...['pg_ts_parser', 'pg_ts_template', 'pg_ts_config', 'pg_ts_dict'],
];

/** The members of an extension's operator family are no members of the extension by themselves. */
const FAMILY_OF: Readonly<Record<string, string>> = { pg_amop: 'amopfamily', pg_amproc: 'amprocfamily' };

const rare: DefinitionQuery = () =>
  RARE.map(
    (catalog) => `
SELECT i.type AS kind, i.identity AS object,
       ${catalog === 'pg_ts_dict' ? `COALESCE(o.dictinitoption, '')` : catalog === 'pg_ts_config' ? MAPPINGS : `''`} AS text
FROM pg_catalog.${catalog} o
CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_catalog.${catalog}'::pg_catalog.regclass, o.oid, 0) AS i
WHERE o.oid >= 16384 AND ${isNoMember(catalog, 'o.oid')} ${FAMILY_OF[catalog] ? `AND ${isNoMember('pg_opfamily', `o.${FAMILY_OF[catalog]}`)}` : ''}`,
  ).join(' UNION ALL ');

const MAPPINGS = `COALESCE((SELECT pg_catalog.string_agg(pg_catalog.format('token %s: %s', m.maptokentype, m.mapdict::pg_catalog.regdictionary), E'\\n'
  ORDER BY m.maptokentype, m.mapseqno) FROM pg_catalog.pg_ts_config_map m WHERE m.mapcfg = o.oid), '')`;

const foreign: DefinitionQuery = () => `
SELECT 'foreign-data wrapper' AS kind, pg_catalog.quote_ident(w.fdwname) AS object,
       pg_catalog.concat_ws(E'\\n', NULLIF(w.fdwhandler, 0)::pg_catalog.regprocedure, NULLIF(w.fdwvalidator, 0)::pg_catalog.regprocedure,
         ${optionLines('w.fdwoptions', 'option')}) AS text
FROM pg_catalog.pg_foreign_data_wrapper w WHERE ${isNoMember('pg_foreign_data_wrapper', 'w.oid')}
UNION ALL
SELECT 'server', pg_catalog.quote_ident(s.srvname),
       pg_catalog.concat_ws(E'\\n', 'wrapper ' || w.fdwname, 'type ' || s.srvtype, 'version ' || s.srvversion,
         ${optionLines('s.srvoptions', 'option')})
FROM pg_catalog.pg_foreign_server s JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw
WHERE ${isNoMember('pg_foreign_server', 's.oid')}
UNION ALL
SELECT 'user mapping', pg_catalog.format('%I on %I', u.usename, u.srvname), ''
FROM pg_catalog.pg_user_mappings u`;

export const PROGRAMS: readonly DefinitionQuery[] = [functions, types, operators, collations, rare, foreign];
