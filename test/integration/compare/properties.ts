import type pg from 'pg';
import { compareSets, type Difference } from './differences.js';
import { linesOf } from './lines.js';

/** What `pg_dump --schema-only` leaves out beside the rows; each query gives one line an object. */
const PROPERTIES: Readonly<Record<string, string>> = {
  'settings of the database': `
    SELECT pg_catalog.concat_ws(' ', COALESCE(r.rolname, 'everybody'), setting)
    FROM pg_catalog.pg_db_role_setting s
    CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS setting
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
    WHERE s.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`,

  'the database itself': `
    SELECT pg_catalog.concat_ws(' | ', pg_catalog.pg_get_userbyid(datdba), datconnlimit::text, datistemplate::text,
                                pg_catalog.shobj_description(oid, 'pg_database'))
    FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`,

  'grants on the database': `
    SELECT pg_catalog.concat_ws(' ', COALESCE(grantee.rolname, 'public'), a.privilege_type, a.is_grantable::text,
                                'by', grantor.rolname)
    FROM pg_catalog.pg_database d
    CROSS JOIN LATERAL pg_catalog.aclexplode(COALESCE(d.datacl, pg_catalog.acldefault('d', d.datdba))) AS a
    LEFT JOIN pg_catalog.pg_roles grantee ON grantee.oid = a.grantee
    LEFT JOIN pg_catalog.pg_roles grantor ON grantor.oid = a.grantor
    WHERE d.datname = pg_catalog.current_database()`,

  extensions: `
    SELECT pg_catalog.concat_ws(' ', e.extname, e.extversion, n.nspname, pg_catalog.pg_get_userbyid(e.extowner))
    FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace`,

  'materialized views': `
    SELECT pg_catalog.format('%I.%I populated %s', n.nspname, c.relname, c.relispopulated)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm'`,

  'large objects': `
    SELECT pg_catalog.concat_ws(' ', m.oid::text, pg_catalog.pg_get_userbyid(m.lomowner),
                                pg_catalog.md5(pg_catalog.lo_get(m.oid)),
                                pg_catalog.obj_description(m.oid, 'pg_largeobject'),
                                (SELECT pg_catalog.string_agg(acl::text, ',' ORDER BY acl::text)
                                 FROM pg_catalog.unnest(m.lomacl) AS acl))
    FROM pg_catalog.pg_largeobject_metadata m`,
};

const READ_SEQUENCES = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')`;

/** Compares the database's own settings, comment and grants, its extensions' versions, and its large objects. */
export async function compareProperties(source: pg.Client, target: pg.Client): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const [object, text] of Object.entries(PROPERTIES)) {
    const [left, right] = await Promise.all([linesOf(source, text), linesOf(target, text)]);
    differences.push(...compareSets(object, left, right));
  }
  return differences;
}

/** Compares where the sequences stand, those of no extension. */
export async function compareSequences(source: pg.Client, target: pg.Client): Promise<Difference[]> {
  const [left, right] = await Promise.all([positionsOf(source), positionsOf(target)]);
  return compareSets('sequences', left, right);
}

async function positionsOf(client: pg.Client): Promise<string[]> {
  const positions: string[] = [];
  for (const name of await linesOf(client, READ_SEQUENCES)) positions.push(await positionOf(client, name));
  return positions;
}

/** @param name the sequence's quoted name */
export async function positionOf(client: pg.Client, name: string): Promise<string> {
  const [position = ''] = await linesOf(
    client,
    `SELECT pg_catalog.concat_ws(' ', last_value::text, is_called::text) FROM ${name}`,
  );
  return `${name} ${position}`;
}
