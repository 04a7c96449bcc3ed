import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { type Event, migrate, type Outcome } from '../../src/index.js';
import { expectEventually } from '../bad-input/processes.js';
import { altered, makeReadings } from '../bad-input/readings.js';
import { expectError, failureOf } from '../bad-input/refusal.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import type { Databases } from '../integration/databases.js';
import { expectFaithfulRun } from '../integration/ferry.js';
import { apachePair, communityPair, hasCommunity } from '../integration/servers.js';
import { query, queryValue, runScript, withClient } from '../integration/sql.js';
import { beginOf, onStage, runAtOnce, stopAt } from './stopped.js';

const CHUNK = '_timescaledb_internal._hyper_1_1_chunk';

/** Things that stand upon rows: indexes, keys, triggers, a view, a materialized view, a large object. */
const UPON_ROWS = `
CREATE INDEX ON reading (device, at);
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.value := NEW.value + 1; RETURN NEW; END $$;
CREATE FUNCTION stamp_sale() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.amount := 0; RETURN NEW; END $$;
CREATE TABLE note (id int PRIMARY KEY, device int REFERENCES device, text text);
INSERT INTO note SELECT n, n % 7, 'note ' || n FROM generate_series(1, 50) AS n;
CREATE TABLE log (id int PRIMARY KEY, value int);
INSERT INTO log SELECT n, n FROM generate_series(1, 50) AS n;
CREATE TRIGGER stamps BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE VIEW named AS SELECT d.name, n.text FROM device d JOIN note n ON n.device = d.id;
CREATE MATERIALIZED VIEW counted AS SELECT device, count(*) FROM note GROUP BY 1;
CREATE INDEX ON counted (device);
SELECT lo_from_bytea(0, 'one'), lo_from_bytea(0, 'two');
COMMENT ON TABLE note IS 'what was noted';
COMMENT ON INDEX note_pkey IS 'of notes';
COMMENT ON TRIGGER stamps ON log IS 'adds one';
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE diary (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mood mood, day serial);
INSERT INTO diary (mood) SELECT 'good' FROM generate_series(1, 5);
CREATE UNLOGGED TABLE scratch AS SELECT 1 AS a;
CREATE TABLE sale (id int, at date, amount int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE sale_1 PARTITION OF sale FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE sale_2 PARTITION OF sale FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO sale SELECT n, date '2026-01-01' + n % 59, n FROM generate_series(1, 200) AS n;
CREATE INDEX ON sale (amount);
COMMENT ON INDEX sale_1_pkey IS 'of January';
CREATE TRIGGER stamps BEFORE INSERT ON sale FOR EACH ROW EXECUTE FUNCTION stamp_sale();
CREATE TABLE bill (sale int, at date, FOREIGN KEY (sale, at) REFERENCES sale);
CREATE PUBLICATION of_notes FOR TABLE note, sale WITH (publish = 'insert');`;

/** Goes on, and expects both sides to be equal, by Hyperferry's word and by the tests' own comparison. */
async function expectResumed(databases: Databases): Promise<Outcome> {
  const outcome = await migrate({ ...databases, jobs: 2, resume: true });
  expect(outcome.verification?.equal).toBe(true);
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
  expect(await queryValue(databases.target, `SELECT to_regnamespace('_hyperferry')`)).toBeNull();
  return outcome;
}

describe('with nothing changed on the source, nothing is copied twice, wherever the run stopped', () => {
  for (const stage of ['rows and indexes', 'constraints', 'configuration', 'statistics', 'verify'] as const) {
    test(`it stopped at “${stage}”`, async () => {
      const databases = await makeReadings(
        await apachePair(),
        `resume_${stage.replaceAll(' ', '_')}`,
        UPON_ROWS,
      );
      await stopAt(databases, beginOf(stage));
      const copied = Number(
        await queryValue(databases.target, 'SELECT count(*) FROM _hyperferry.done WHERE kind IS NOT NULL'),
      );
      expect(copied > 0).toBe(stage !== 'rows and indexes');
      const events: Event[] = [];
      const outcome = await migrate({
        ...databases,
        jobs: 2,
        resume: true,
        onEvent: (event) => events.push(event),
      });
      expect(outcome.resumed).toEqual([
        {
          attempt: 2,
          kept: { relations: copied, rows: expect.any(Number) },
          again: [],
          takenBack: [],
        },
      ]);
      const copiedNow = events.filter(({ type }) => type === 'relation-copied').length;
      expect(copiedNow + copied).toBe(outcome.relations);
      await expectEqualDatabases(databases.source, databases.target, databases.programs);
    });
  }

  test('it stopped in the middle of the rows, and again', async () => {
    const databases = await makeReadings(await apachePair(), 'resume_rows', manyTables(120));
    for (const attempt of [1, 2]) {
      await stopAt(databases, ({ type }) => type === 'relation-copied', { jobs: 1, resume: attempt > 1 });
    }
    const copied = Number(
      await queryValue(databases.target, 'SELECT count(*) FROM _hyperferry.done WHERE kind IS NOT NULL'),
    );
    // The tasks of two attempts, each with up to fifty relations, are there; the third attempt does the rest.
    expect(copied).toBeGreaterThanOrEqual(100);
    expect(copied).toBeLessThan(125);
    const { resumed } = await expectResumed(databases);
    expect(resumed).toEqual([
      { attempt: 3, kept: { relations: copied, rows: expect.any(Number) }, again: [], takenBack: [] },
    ]);
  });
});

/** More tables than go into one task. */
function manyTables(count: number): string {
  return `DO $$ BEGIN FOR n IN 1..${count} LOOP
    EXECUTE format('CREATE TABLE many_%s (a int PRIMARY KEY); INSERT INTO many_%s VALUES (%s)', n, n, n);
  END LOOP; END $$;`;
}

describe('a relation that has changed on the source is copied again, with what stands upon it', () => {
  const CHANGES: Record<string, { change: string; again: string[]; takenBack?: RegExp[] }> = {
    'rows were inserted': {
      change: `INSERT INTO note VALUES (99, 1, 'new'); REFRESH MATERIALIZED VIEW counted`,
      again: ['public.note'],
    },
    'rows were updated that a key refers to': {
      change: `UPDATE device SET name = 'new' WHERE id = 3`,
      again: ['public.device'],
    },
    'rows were deleted': {
      change: 'DELETE FROM note WHERE id < 10; REFRESH MATERIALIZED VIEW counted',
      again: ['public.note'],
    },
    'a trigger would change its rows': { change: 'UPDATE log SET value = 7', again: ['public.log'] },
    'rows of a chunk': {
      change: `UPDATE reading SET value = 0 WHERE at < '2026-01-01 05:00+00'`,
      again: [CHUNK],
    },
    'a chunk was truncated': { change: `TRUNCATE ${CHUNK}`, again: [CHUNK] },
    'a table was rewritten': { change: 'VACUUM FULL note', again: ['public.note'] },
    'a chunk was made': {
      change: `INSERT INTO reading VALUES ('2027-01-01', 1, 1)`,
      again: [],
    },
    'a chunk was dropped': {
      change: `SELECT drop_chunks('reading', timestamptz '2026-01-02 00:00+00')`,
      again: [],
      takenBack: [/TABLE _timescaledb_internal\._hyper_1_1_chunk/, /INDEX .*_hyper_1_1_chunk/],
    },
    'a large object was written': {
      change: `SELECT lo_from_bytea(0, 'three')`,
      again: [],
      takenBack: [/LARGE OBJECT/],
    },
    'a table was made, an index dropped, a view replaced, a comment changed': {
      change: `CREATE TABLE later AS SELECT 1 AS a; DROP INDEX reading_device_at_idx;
               CREATE OR REPLACE VIEW named AS SELECT d.name, n.text, 1 AS one FROM device d JOIN note n ON n.device = d.id;
               COMMENT ON TABLE note IS 'what was noted later'`,
      again: [],
      takenBack: [/VIEW public\.named/, /INDEX public\.reading_device_at_idx/, /COMMENT public\.TABLE note/],
    },
    'rows of a partition': { change: 'UPDATE sale SET amount = -1 WHERE id = 1', again: ['public.sale_1'] },
    'a partition was made': {
      change: `CREATE TABLE sale_3 PARTITION OF sale FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
               SET session_replication_role = replica; INSERT INTO sale VALUES (999, '2026-03-05', 5)`,
      again: [],
    },
    'a partition was detached': {
      change: 'ALTER TABLE sale DETACH PARTITION sale_2',
      again: [],
      takenBack: [/TABLE ATTACH public\.sale_2/],
    },
    'a publication was changed': {
      change: `ALTER PUBLICATION of_notes SET (publish = 'insert, update')`,
      again: [],
      takenBack: [/PUBLICATION of_notes/],
    },
    'a setting of a chunk was changed': {
      change: `ALTER TABLE ${CHUNK} SET (fillfactor = 80)`,
      again: [CHUNK],
      takenBack: [/TABLE _timescaledb_internal\._hyper_1_1_chunk/],
    },
    'a table has one more column, and so has the view of it': {
      change:
        'ALTER TABLE note ADD COLUMN more int; DROP VIEW named; CREATE VIEW named AS SELECT * FROM note',
      again: ['public.note'],
      takenBack: [/TABLE public\.note/, /VIEW public\.named/],
    },
    'a table with an identity column has one more': {
      change: 'ALTER TABLE diary ADD COLUMN more int',
      again: ['public.diary'],
      takenBack: [/TABLE public\.diary/],
    },
    'a hypertable has one more column, and so have its chunks': {
      change: 'ALTER TABLE reading ADD COLUMN more int DEFAULT 7',
      again: expect.arrayContaining(['public.reading', CHUNK]),
      takenBack: [/TABLE public\.reading/],
    },
    'a type that a table has changed': {
      change: `ALTER TYPE mood ADD VALUE 'so so'`,
      again: ['public.diary'],
      takenBack: [/TYPE public\.mood/],
    },
    'a function that a trigger calls changed': {
      change: `CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$`,
      again: [],
      takenBack: [/FUNCTION public\.stamp\(\)/],
    },
    'two tables have changed names': {
      change:
        'ALTER TABLE note RENAME TO was_note; ALTER TABLE log RENAME TO note; ALTER TABLE was_note RENAME TO log',
      again: ['public.note', 'public.log'],
      takenBack: [/TABLE public\.note/, /TABLE public\.log/],
    },
    'a table was dropped': {
      change: 'DROP TABLE log',
      again: [],
      takenBack: [/TABLE public\.log/, /TRIGGER public\.log stamps/],
    },
  };

  for (const [what, { change, again, takenBack = [] }] of Object.entries(CHANGES)) {
    test(what, async () => {
      const name = `again_${what.replaceAll(/[ ,]+/g, '_')}`.slice(0, 50);
      const databases = await makeReadings(await apachePair(), name, UPON_ROWS);
      await stopAt(databases, beginOf('verify'));
      await runScript(databases.programs, databases.source, change);
      const { resumed } = await expectResumed(databases);
      expect(resumed[0]?.again.toSorted()).toEqual(Array.isArray(again) ? again.toSorted() : again);
      for (const pattern of takenBack) expect(resumed[0]?.takenBack.join('\n')).toMatch(pattern);
      if (takenBack.length === 0) expect(resumed[0]?.takenBack).toEqual([]);
    });
  }

  test('rows that are in other partitions on the target', async () => {
    const databases = await makeReadings(
      await apachePair(),
      'again_enum_partitions',
      `CREATE TYPE color AS ENUM ('red', 'green', 'blue', 'white');
       CREATE TABLE paint (c color, n int) PARTITION BY HASH (c);
       CREATE TABLE paint_0 PARTITION OF paint FOR VALUES WITH (MODULUS 2, REMAINDER 0);
       CREATE TABLE paint_1 PARTITION OF paint FOR VALUES WITH (MODULUS 2, REMAINDER 1);
       INSERT INTO paint SELECT ('{red,green,blue,white}'::color[])[n % 4 + 1], n FROM generate_series(1, 100) AS n;`,
    );
    await stopAt(databases, beginOf('statistics'));
    await runScript(databases.programs, databases.source, `DELETE FROM paint WHERE c = 'red'`);
    await migrate({ ...databases, jobs: 2, resume: true });
    expect(await queryValue(databases.target, 'SELECT count(*) FROM paint')).toBe('75');
  });

  test('rows that a check which is NOT VALID would refuse', async () => {
    const databases = await makeReadings(
      await apachePair(),
      'again_not_valid',
      `CREATE TABLE above (n int); CREATE TABLE below () INHERITS (above); INSERT INTO below VALUES (-1), (-2);
       ALTER TABLE above ADD CONSTRAINT positive CHECK (n > 0) NOT VALID;
       COMMENT ON CONSTRAINT positive ON above IS 'from now on';
       CREATE DOMAIN amount AS int; CREATE TABLE paid (a amount); INSERT INTO paid VALUES (-1), (-2);
       ALTER DOMAIN amount ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID;
       ALTER TABLE reading ADD CONSTRAINT never CHECK (device < 0) NOT VALID;`,
    );
    await stopAt(databases, beginOf('statistics'));
    const change =
      'DELETE FROM below WHERE n = -1; DELETE FROM paid WHERE a = -1; DELETE FROM reading WHERE device = 1';
    await runScript(databases.programs, databases.source, change);
    const { resumed } = await expectResumed(databases);
    expect(resumed[0]?.again).toEqual(expect.arrayContaining(['public.below', 'public.paid', CHUNK]));
    await expect(query(databases.target, 'INSERT INTO below VALUES (0)')).rejects.toThrow(/positive/);
  });

  test('the counters were reset: all are copied again, and a notice says why', async () => {
    const databases = await makeReadings(await apachePair(), 'again_reset', UPON_ROWS);
    await stopAt(databases, beginOf('verify'));
    await query(databases.source, 'SELECT pg_stat_reset()');
    const { resumed, notices, relations } = await expectResumed(databases);
    expect(resumed[0]?.kept.relations).toBe(0);
    expect(resumed[0]?.again).toHaveLength(relations);
    expect(notices.join('\n')).toMatch(/counters were reset/);
  });

  test('a command that commits on its way may have committed more: all are copied again', async () => {
    const databases = await makeReadings(
      await apachePair(),
      'again_call',
      `CREATE TABLE slowly_filled (a int);
       CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO slowly_filled VALUES (1); COMMIT; PERFORM pg_sleep(600);
       END $$;`,
    );
    await stopAt(databases, beginOf('verify'));
    const call = execa(join(databases.programs, 'psql'), ['-X', '-c', 'CALL fill()', databases.source], {
      reject: false,
    });
    try {
      const rows = () => queryValue(databases.source, 'SELECT count(*) FROM slowly_filled');
      await expectEventually(rows, '1', 'rows that the procedure has committed');
      const { notices, resumed } = await expectResumed(databases);
      expect(resumed[0]?.kept.relations).toBe(0);
      expect(notices.join('\n')).toMatch(/may have committed rows/);
    } finally {
      call.kill('SIGKILL');
      await call;
    }
  });

  test('a session that goes from a commit straight into a transaction may have rows uncounted: all are copied again', async () => {
    const databases = await makeReadings(await apachePair(), 'again_in_transaction');
    await stopAt(databases, beginOf('statistics'));
    await withClient(databases.source, async (client) => {
      // It counts the first when it is idle, and the second not before a second has passed.
      await client.query(`UPDATE device SET name = 'first' WHERE id = 1`);
      await client.query(`UPDATE device SET name = 'second' WHERE id = 1`);
      await client.query('BEGIN');
      const { notices, resumed } = await expectResumed(databases);
      expect(resumed[0]?.again).toContain('public.device');
      expect(notices.join('\n')).toMatch(/may have committed rows/);
    });
  });

  test.skipIf(!hasCommunity)(
    `a chunk was compressed${hasCommunity ? '' : ' (skipped: no community edition)'}`,
    async () => {
      const databases = await makeReadings(
        await communityPair(),
        'again_compressed',
        `ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');`,
      );
      await stopAt(databases, beginOf('verify'));
      await runScript(databases.programs, databases.source, `SELECT compress_chunk('${CHUNK}')`);
      const { resumed } = await expectResumed(databases);
      expect(resumed[0]?.again).toEqual([CHUNK]);
    },
  );
});

test.skipIf(!hasCommunity)(
  `a chunk that a foreign key refers to is copied again${hasCommunity ? '' : ' (skipped: no community edition)'}`,
  async () => {
    const databases = await makeReadings(
      await communityPair(),
      'again_referenced',
      `CREATE TABLE fact (at timestamptz NOT NULL, id int, PRIMARY KEY (at, id));
       SELECT create_hypertable('fact', 'at', chunk_time_interval => interval '1 day');
       INSERT INTO fact SELECT timestamptz '2026-01-01 00:00+00' + n * interval '6 hours', n FROM generate_series(1, 12) AS n;
       CREATE TABLE remark (at timestamptz, id int, text text, FOREIGN KEY (at, id) REFERENCES fact);
       INSERT INTO remark SELECT at, id, 'a remark' FROM fact;`,
    );
    await stopAt(databases, beginOf('verify'));
    await runScript(
      databases.programs,
      databases.source,
      `INSERT INTO fact VALUES ('2026-01-01 00:30+00', 99)`,
    );
    const { resumed } = await expectResumed(databases);
    expect(resumed[0]?.again).toHaveLength(1);
    await expect(query(databases.target, `INSERT INTO remark VALUES ('2026-01-01', 7, 'x')`)).rejects.toThrow(
      /foreign key/,
    );
    await expect(query(databases.target, 'DELETE FROM fact WHERE id = 1')).rejects.toThrow(/foreign key/);
  },
);

test('rows that the comparison finds different are copied again by the next attempt', async () => {
  const databases = await makeReadings(await apachePair(), 'resume_different', UPON_ROWS);
  const error = await failureOf({
    ...databases,
    onEvent: onStage('verify', () =>
      runAtOnce(databases.programs, databases.target, `UPDATE device SET name = 'damaged' WHERE id = 2`),
    ),
  });
  expectError(error, { code: 'DIFFERENT', says: ['public.device'], advises: '--resume' });
  const { resumed } = await expectResumed(databases);
  expect(resumed[0]?.again).toEqual(['public.device']);
});

test('of a definition with several lines that is not on the target, the message shows the first, and that there are more', async () => {
  const check = 'ALTER TABLE device ADD COLUMN "two\nlines" int CONSTRAINT positive CHECK ("two\nlines" > 0)';
  const databases = await makeReadings(await apachePair(), 'resume_lines', check);
  const error = await failureOf({
    ...databases,
    onEvent: onStage('verify', () =>
      runAtOnce(databases.programs, databases.target, 'ALTER TABLE device DROP CONSTRAINT positive'),
    ),
  });
  expect(error.message).toMatch(/missing on target \(source: CHECK \(\("two …, target: –\)$/);
});

test('what an attempt has made and somebody has built upon since cannot be taken back: the run says to start over', async () => {
  const databases = await makeReadings(await apachePair(), 'resume_redefined', UPON_ROWS);
  await stopAt(databases, beginOf('verify'));
  await runScript(databases.programs, databases.source, 'ALTER TABLE note ADD COLUMN more int');
  await runScript(databases.programs, databases.target, 'CREATE VIEW of_others AS SELECT * FROM note');
  const error = await failureOf({ ...databases, resume: true });
  expectError(error, {
    code: 'SOURCE_REDEFINED',
    says: ['other definitions', 'note'],
    advises: /stays in restore mode.*--clean-target/s,
  });
  expect(error.hint).not.toMatch(/--resume/);
  await expectFaithfulRun(databases, { cleanTarget: true });
});

test('rows of an unlogged table that the target has lost are copied again', async () => {
  const databases = await makeReadings(await apachePair(), 'resume_unlogged', UPON_ROWS);
  await stopAt(databases, beginOf('verify'));
  // As a crash of the target does.
  await query(databases.target, 'TRUNCATE scratch');
  const { resumed } = await expectResumed(databases);
  expect(resumed[0]?.again).toEqual(['public.scratch']);
});

describe('what cannot be gone on with is refused, and nothing is changed', () => {
  test('an empty target', async () => {
    const databases = await makeReadings(await apachePair(), 'resume_empty');
    expectError(await failureOf({ ...databases, resume: true }), {
      code: 'NOTHING_TO_RESUME',
      says: ['did not finish', 'there is none', 'one that is complete has removed its ledger'],
      advises: /^Where the target is empty, begin: .*without --resume\.\nElse: .*hyperferry verify/,
    });
  });

  test('a run that is complete', async () => {
    const databases = await makeReadings(await apachePair(), 'resume_complete');
    await migrate({ ...databases, keepLedger: true });
    expectError(await failureOf({ ...databases, resume: true }), {
      code: 'NOTHING_TO_RESUME',
      says: ['is complete'],
      advises:
        /^It needs nothing more\. Compare .*hyperferry verify.*\nStart over, which drops all .*--clean-target/,
    });
  });

  test.each([
    ['rows and indexes', 'COPY'],
    ['statistics', 'STATEMENT'],
  ] as const)(
    'a target of which somebody has dropped a table since it stopped in “%s”',
    async (stage, code) => {
      const databases = await makeReadings(
        await apachePair(),
        `resume_dropped_${stage.replaceAll(' ', '_')}`,
      );
      await stopAt(databases, beginOf(stage));
      await query(databases.target, 'DROP TABLE device');
      const error = await failureOf({ ...databases, resume: true });
      expectError(error, {
        code,
        says: [/public\.device" does not exist/],
        advises:
          /somebody has dropped it on the target since, and only to start over.*\nStart over: .*--clean-target/s,
      });
    },
  );

  test('other options, another source, another role than the run was begun with', async () => {
    const databases = await makeReadings(await apachePair(), 'resume_other');
    await stopAt(databases, beginOf('statistics'));
    const ledger = 'SELECT r::text || (SELECT count(*) FROM _hyperferry.done) FROM _hyperferry.run r';
    const before = await queryValue(databases.target, ledger);
    expectError(await failureOf({ ...databases, resume: true, owners: false }), {
      code: 'USAGE',
      says: ['--no-owner'],
      advises: 'first command',
    });
    await query(altered(databases.source, { pathname: '/postgres' }), 'CREATE DATABASE resume_another');
    const another = altered(databases.source, { pathname: '/resume_another' });
    await runScript(databases.programs, another, 'CREATE EXTENSION timescaledb');
    expectError(await failureOf({ ...databases, source: another, resume: true }), {
      code: 'USAGE',
      says: ['resume_other', 'another database'],
      advises: 'source of the first command',
    });
    await query(databases.target, 'CREATE ROLE resume_other_role LOGIN SUPERUSER');
    const target = altered(databases.target, { username: 'resume_other_role' });
    expectError(await failureOf({ ...databases, target, resume: true }), {
      code: 'USAGE',
      says: ['postgres', 'resume_other_role'],
      advises: 'same user',
    });
    expect((await queryValue(databases.target, ledger))?.replace(/"?\(.*?running|stopped/, '')).toBe(
      before?.replace(/"?\(.*?running|stopped/, ''),
    );
    await expectResumed(databases);
  });

  test('a run that another has followed does not stop the other', async () => {
    const databases = await makeReadings(await apachePair(), 'resume_followed', manyTables(120));
    let follower: Promise<unknown> | undefined;
    const first = migrate({
      ...databases,
      jobs: 2,
      onEvent: (event) => {
        if (event.type !== 'relation-copied' || follower) return;
        // The session that holds the target is lost, as when a laptop sleeps; another machine goes on.
        runAtOnce(
          databases.programs,
          databases.target,
          `SELECT pg_terminate_backend(l.pid) FROM pg_locks l
           WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        );
        follower = migrate({ ...databases, jobs: 2, resume: true }).catch((error: unknown) => error);
      },
    }).catch((error: unknown) => error);
    const outcomes = [await first, await follower];
    // Whichever holds the target in the end has moved all; the other says that it is busy, or followed.
    const done = outcomes.filter((outcome) => !(outcome instanceof Error)) as Outcome[];
    expect(done).toHaveLength(1);
    expect(done[0]?.verification?.equal).toBe(true);
    await expectEqualDatabases(databases.source, databases.target, databases.programs);
  });

  test('a target that another run is at work on', async () => {
    const databases = await makeReadings(await apachePair(), 'resume_busy');
    let second: Promise<unknown> | undefined;
    await migrate({
      ...databases,
      onEvent: (event) => {
        if (beginOf('schema')(event)) second = failureOf({ ...databases, resume: true });
      },
    });
    expectError((await second) as never, {
      code: 'TARGET_BUSY',
      says: ['under way', 'resume_busy'],
      advises: 'hyperferry worker',
    });
  });
});
