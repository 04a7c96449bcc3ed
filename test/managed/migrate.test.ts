import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restore } from '../../src/archive/restore.js';
import { check, type LeftOut, type MigrateOptions, migrate, type Outcome } from '../../src/index.js';
import { compareConfiguration } from '../integration/compare/configuration.js';
import { withBoth } from '../integration/compare/lines.js';
import { compareSequences } from '../integration/compare/properties.js';
import { compareRows } from '../integration/compare/rows.js';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { withDump } from '../integration/ferry.js';
import { COMMUNITY_VERSIONS, hasCommunity } from '../integration/servers.js';
import { query, queryValue, withClient } from '../integration/sql.js';
import {
  asOnTarget,
  expectExplained,
  forgetSource,
  grantsOf,
  jobsOf,
  ownersOf,
  runLeftOut,
} from './facts.js';
import { type ManagedTarget, makeManagedTarget } from './managed-target.js';
import { lonelyManagedPair } from './pairs.js';
import { tradingCompany } from './trading-company.js';

type Bring = (options: MigrateOptions & { programs: string }) => Promise<Outcome>;

const dumpAndRestore: Bring = ({ source, programs, ...options }) =>
  withDump({ source, programs }, (from) => restore({ ...options, from }));

const WAYS: { way: string; version: string; bring: Bring }[] = COMMUNITY_VERSIONS.flatMap((version) => [
  { way: 'migration', version, bring: migrate },
  { way: 'restore', version, bring: dumpAndRestore },
]);

describe.skipIf(!hasCommunity).each(WAYS)(
  'a $way to a managed target with TimescaleDB $version',
  ({ way, version, bring }) => {
    const p = `whole_${way}${version.replaceAll('.', '')}`;
    let moved: Databases & { managed: ManagedTarget; leftOut: readonly LeftOut[] };

    beforeAll(async () => {
      const pair = await lonelyManagedPair();
      await forgetSource(pair.source.url, p, p);
      const managed = await makeManagedTarget(pair.target, { version });
      const made = await makeDatabases(pair, p, tradingCompany(p, version));
      const databases = { ...made, target: managed.url };
      // What the tests below look at, Hyperferry need not have looked at before.
      const { leftOut } = await bring({ ...databases, jobs: 2, verify: 'none' });
      moved = { ...databases, managed, leftOut };
    });

    afterAll(async () => forgetSource((await lonelyManagedPair()).source.url, p, p));

    test('is checked without a blocker, and proves itself equal', async () => {
      const { target } = await lonelyManagedPair();
      const { url } = await makeManagedTarget(target, { version });
      const databases = { ...moved, target: url, jobs: 2 };
      const findings = await check(databases);
      expect(findings.filter(({ severity }) => severity === 'blocker')).toEqual([]);
      const ids = findings.map(({ id }) => id);
      expect(ids).toEqual(expect.arrayContaining(['event-triggers', 'job-owners']));
      expect((await bring(databases)).verification).toMatchObject({ equal: true });
    });

    test('carries all rows, sequences and TimescaleDB’s catalog', async () => {
      const differences = await withBoth(moved.source, moved.managed.adminUrl, async (left, right) => [
        ...(await compareRows(left, right)),
        ...(await compareSequences(left, right)),
        ...(await compareConfiguration(left, right)),
      ]);
      const others = differences.filter(({ object }) => !/\.(bgw_job|metadata)$/.test(object));
      expect(others).toEqual([]);
      expect(await queryValue(moved.target, 'SELECT sum(value) FROM reading')).toBe('4950');
      expect(await queryValue(moved.target, `SELECT lo_get(4712)::text`)).toBe('\\x616e6f74686572');
    });

    /** Its chunks can be given only to a role that may create in their schema, and so it stays with the role. */
    const isKept = (line: string) => /(trade\.deal|trade\.deal_id_seq|\._hyper_\d+_\d+_chunk)\b/.test(line);

    test('carries owners wherever the role may, and else says so', async () => {
      const wanted = asOnTarget(await ownersOf(moved.source), moved.managed.role);
      const isLeft = (line: string) => line.startsWith('publication everything') || isKept(line);
      const got = await ownersOf(moved.target);
      expect(got.filter((line) => !isKept(line))).toEqual(wanted.filter((line) => !isLeft(line)));
      const kept = got.filter((line) => isKept(line) && line.startsWith('relation trade.deal'));
      if (kept.some((line) => line.endsWith(moved.managed.role)))
        expect(moved.leftOut.map(({ object }) => object)).toContainEqual(
          expect.stringMatching(/trade\.deal and of its 5 chunks/),
        );
    });

    test('carries grants wherever the role may', async () => {
      const wanted = asOnTarget(await grantsOf(moved.source), moved.managed.role);
      const got = await grantsOf(moved.target);
      expect(got.filter((line) => !isKept(line))).toEqual(wanted.filter((line) => !isKept(line)));
      // What others may do with what stays; the grants are the role's then.
      const ofOthers = (lines: string[]) =>
        lines
          .filter(isKept)
          .map((line) => line.replace(/ by .*/, ''))
          .filter((line) => !line.includes(` ${p}_app `) && !line.includes(` ${moved.managed.role} `));
      expect(ofOthers(got)).toEqual(ofOthers(wanted));
      expect(ofOthers(wanted).length).toBeGreaterThan(1);
    });

    test('makes roles without what only a superuser may give, and their memberships without GRANTED BY', async () => {
      const roles = `SELECT rolname, rolsuper, rolreplication, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin
                     FROM pg_roles WHERE starts_with(rolname, '${p}') ORDER BY 1`;
      const stripped = { rolsuper: false, rolreplication: false, rolbypassrls: false };
      const wanted = await query(moved.source, roles);
      expect(wanted.length).toBe(4);
      expect(await query(moved.target, roles)).toEqual(wanted.map((role) => ({ ...role, ...stripped })));
      const memberships = `SELECT roleid::regrole::text AS role, member::regrole::text AS member, bool_or(admin_option) AS admin
                           FROM pg_auth_members WHERE roleid::regrole::text = '${p}_group' AND member::regrole::text <> '${moved.managed.role}'
                           GROUP BY 1, 2 ORDER BY 1, 2`;
      expect(await query(moved.target, memberships)).toEqual(await query(moved.source, memberships));
      expect(
        await queryValue(moved.target, `SELECT shobj_description('${p}_group'::regrole, 'pg_authid')`),
      ).toBe('all who trade');
      const setting = `SELECT setconfig::text FROM pg_db_role_setting WHERE setrole = '${p}_app'::regrole`;
      expect(await queryValue(moved.target, setting)).toBe('{work_mem=5MB}');
    });

    test('gives jobs to their owners, and those of postgres to the role', async () => {
      const wanted = asOnTarget(await jobsOf(moved.source), moved.managed.role);
      expect(new Set(wanted.map(({ owner }) => owner)).size).toBe(3);
      expect(await jobsOf(moved.target)).toEqual(wanted);
      for (const { job_id: id } of wanted) await query(moved.managed.adminUrl, `CALL run_job(${id})`);
    });

    test('names each thing left out, and why', () => {
      const objects = expectExplained(moved.leftOut);
      expect(objects.sort()).toEqual(
        [
          `SUPERUSER, REPLICATION, BYPASSRLS of role ${p}_admin`,
          `membership of ${p} re;ader in pg_read_all_data`,
          'COMMENT EXTENSION timescaledb',
          'EVENT TRIGGER watcher',
          'PUBLICATION everything',
          'owner of TABLE trade.deal and of its 5 chunks',
          'ownership of postgres',
          'setting log_min_messages in the database',
        ].sort(),
      );
    });

    test('works: rows go into old and new chunks, chunks are compressed, aggregates refreshed', async () => {
      await withClient(moved.target, async (client) => {
        for (const statement of [
          `INSERT INTO reading VALUES ('2026-01-02 00:30+00', 1, 1), ('2027-01-01 00:00+00', 1, 1)`,
          `INSERT INTO trade.deal (at, side, price) VALUES ('2027-01-01 00:00+00', 'sell', 1)`,
          `CALL refresh_continuous_aggregate('daily', NULL, NULL)`,
          `SELECT compress_chunk(c) FROM show_chunks('reading', newer_than => '2026-12-01'::timestamptz) AS c`,
          `SELECT decompress_chunk(c) FROM show_chunks('reading', older_than => '2026-01-02'::timestamptz) AS c`,
          `SELECT drop_chunks('trade.deal', older_than => '2026-01-02'::timestamptz)`,
        ])
          await client.query(statement);
      });
      expect(await queryValue(moved.target, 'SELECT sum(sum) FROM daily')).toBe('4952');
      expect(await queryValue(moved.target, 'SHOW timescaledb.restoring')).toBe('off');
      expect(await queryValue(moved.target, `SELECT to_regnamespace('_hyperferry')`)).toBeNull();
    });

    test('leaves SQL that an administrator can run later, and that makes what was left out', async () => {
      await runLeftOut(moved.programs, moved.managed.adminUrl, moved.leftOut);
      const later = (url: string) =>
        query(
          url,
          `SELECT (SELECT string_agg(pubname, ',' ORDER BY pubname) FROM pg_publication) AS publications,
                  (SELECT string_agg(evtname, ',') FROM pg_event_trigger WHERE evtname = 'watcher') AS triggers,
                  (SELECT rolsuper AND rolreplication AND rolbypassrls FROM pg_roles WHERE rolname = '${p}_admin') AS admin,
                  pg_has_role('${p} re;ader', 'pg_read_all_data', 'USAGE') AS reader,
                  current_setting('log_min_messages') AS messages`,
        );
      expect(await later(moved.managed.adminUrl)).toEqual(await later(moved.source));
    });
  },
);
