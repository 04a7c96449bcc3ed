import { describe, expect, test } from 'vitest';
import { COMMUNITY_VERSIONS, hasCommunity } from '../integration/servers.js';
import { query, queryValue, withClient } from '../integration/sql.js';
import { makeManagedTarget } from './managed-target.js';
import { apacheManagedPair, communityManagedPair } from './pairs.js';

const VERSIONS = [
  ...COMMUNITY_VERSIONS.map((version) => ({ version, edition: 'community' as const })),
  { version: '2.19.3', edition: 'apache' as const },
];

describe.each(VERSIONS)('the managed target with TimescaleDB $version, $edition edition', (chosen) => {
  const { version, edition } = chosen;
  const make = async () => {
    const { target } = await (edition === 'apache' ? apacheManagedPair() : communityManagedPair());
    return makeManagedTarget(target, { version });
  };
  const there = test.skipIf(edition === 'community' && !hasCommunity);

  there('has a role that owns the database and is no superuser, and the extension in public', async () => {
    const { url, role } = await make();
    expect(
      await query(
        url,
        `SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,
                pg_get_userbyid(d.datdba) AS owner, e.extversion, n.nspname,
                (SELECT count(*)::int FROM pg_auth_members WHERE member = r.oid) AS memberships
         FROM pg_roles r, pg_database d, pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
         WHERE rolname = current_user AND datname = current_database() AND extname = 'timescaledb'`,
      ),
    ).toEqual([
      {
        rolname: role,
        rolsuper: false,
        rolcreaterole: true,
        rolcreatedb: true,
        rolreplication: false,
        rolbypassrls: false,
        owner: role,
        extversion: version,
        nspname: 'public',
        memberships: 0,
      },
    ]);
  });

  there('turns restore mode on and off for the role', async () => {
    const { url } = await make();
    await query(url, 'SELECT timescaledb_pre_restore()');
    expect(await queryValue(url, 'SHOW timescaledb.restoring')).toBe('on');
    await query(url, 'SELECT timescaledb_post_restore()');
    expect(await queryValue(url, 'SHOW timescaledb.restoring')).toBe('off');
  });

  there('lets the role add to the catalog, and neither change, empty nor take over any of it', async () => {
    const { url } = await make();
    const rights = await query(
      url,
      `SELECT DISTINCT relkind, has_table_privilege(c.oid, 'INSERT') AS insert,
              has_table_privilege(c.oid, 'UPDATE') AS update,
              has_table_privilege(c.oid, 'DELETE, TRUNCATE, TRIGGER') AS more
       FROM pg_extension, unnest(extconfig) AS r (oid) JOIN pg_class c USING (oid)
       WHERE extname = 'timescaledb' ORDER BY relkind`,
    );
    expect(rights).toEqual([
      { relkind: 'S', insert: false, update: true, more: false },
      { relkind: 'r', insert: true, update: false, more: false },
    ]);
    for (const refused of [
      'DELETE FROM _timescaledb_catalog.hypertable',
      'TRUNCATE _timescaledb_catalog.hypertable',
      'ALTER TABLE _timescaledb_catalog.hypertable DISABLE TRIGGER ALL',
      'COMMENT ON EXTENSION timescaledb IS NULL',
      'DROP EXTENSION timescaledb',
      'CREATE ROLE managed_super SUPERUSER',
      'SET session_replication_role = replica',
    ]) {
      await expect(query(url, refused), refused).rejects.toThrow(/permission denied|must be owner/);
    }
  });

  there('takes jobs of the role itself and of postgres, as its own, and of no other', async () => {
    const { url, role } = await make();
    await query(url, `CREATE ROLE ${role}_other`);
    await query(url, `SELECT timescaledb_pre_restore()`);
    const table = version === '2.29.2' ? '_timescaledb_catalog.bgw_job' : '_timescaledb_config.bgw_job';
    const insert = (id: number, owner: string) =>
      query(
        url,
        `INSERT INTO ${table} (id, application_name, schedule_interval, max_runtime, max_retries, retry_period,
                               proc_schema, proc_name, owner)
         VALUES (${id}, 'a job', '1 day', '0', 1, '1 hour', 'public', 'anything', '${owner}')`,
      );
    await insert(1001, 'postgres');
    await insert(1002, role);
    await expect(insert(1003, 'pg_monitor')).rejects.toThrow(`job 1003 belongs to pg_monitor`);
    await insert(1004, `${role}_other`);
    const owners = `SELECT id, owner FROM ${table} WHERE id >= 1000 ORDER BY id`;
    expect(await query(url, owners)).toEqual([
      { id: 1001, owner: role },
      { id: 1002, owner: role },
      // Who makes a role is a member of it.
      { id: 1004, owner: `${role}_other` },
    ]);
  });

  there('is an ordinary database to its owner', async () => {
    const { url } = await make();
    await withClient(url, async (client) => {
      await client.query('CREATE TABLE reading (at timestamptz NOT NULL, value float8)');
      await client.query("SELECT create_hypertable('reading', 'at')");
      await client.query("INSERT INTO reading VALUES ('2026-01-01', 1), ('2026-02-01', 2)");
      const { rows } = await client.query<{ chunks: number }>(
        "SELECT count(*)::int AS chunks FROM show_chunks('reading')",
      );
      expect(rows).toEqual([{ chunks: 2 }]);
    });
  });
});
