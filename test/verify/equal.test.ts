import { expect, test } from 'vitest';
import { verify } from '../../src/verify/verify.js';
import { apachePair } from '../integration/servers.js';
import { found } from './found.js';
import { makeSiblings } from './twins.js';

const VALUES = `
SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC';
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TYPE pair AS (number int, moment timestamptz);
CREATE DOMAIN share AS float8;
CREATE DOMAIN feeling AS mood;
CREATE TABLE typed (
  id int, at timestamptz, local timestamp, day date, span interval, exact float8, small float4, share share, number numeric,
  bytes bytea, document jsonb, paid money, paids money[], moments timestamptz[], pair pair, mood mood, moods mood[],
  range tstzrange, address inet, bits varbit, words tsvector, name varchar(10), fixed char(5), key uuid, class regclass,
  markup xml, feeling feeling, feelings feeling[], reader refcursor, doubled int GENERATED ALWAYS AS (id * 2) STORED
);
INSERT INTO typed
SELECT i, '2026-01-31 22:30:00.000001+00'::timestamptz + i * interval '1 day', '2026-02-03 04:05:06.000007', '2026-02-03',
       '-1 year -2 mons +3 days -04:05:06.000007', CASE i WHEN 1 THEN 'NaN' WHEN 2 THEN '-Infinity' ELSE 0.1 + i / 3.0 END,
       0.1 + i / 3.0, i / 3.0, CASE i WHEN 1 THEN 'NaN' ELSE i / 7.0 END, '\\x00ff5c', '{"a": 0.30000000000000004}', 12.34,
       '{1.5,2.5}', ARRAY['2026-01-31 22:30:00+00'::timestamptz], ROW(i, '2026-01-31 22:30:00+00'::timestamptz)::pair, 'glad',
       '{sad,glad}', '[2026-01-31 22:30:00+00,infinity)', '10.0.0.1', '1011', 'fat cat', 'n' || i, 'f' || i,
       '00000000-0000-0000-0000-000000000001', 'typed', '<a>ä</a>', 'sad', '{sad}', 'reader'
FROM generate_series(1, 50) AS i;
INSERT INTO typed (id) VALUES (NULL), (0);
`;

test('servers that print values in different ways hold the same values', async () => {
  const { source, target } = await apachePair();
  const pair = await makeSiblings([source, target], 'verify_display', [VALUES, VALUES]);
  const verification = await verify(pair);
  expect(found(verification)).toEqual([]);
  expect(verification).toMatchObject({ equal: true, rows: { source: 52, target: 52 } });
});

test('the order of rows and columns, dropped columns and dead rows make no difference', async () => {
  const { target } = await apachePair();
  const pair = await makeSiblings([target, target], 'verify_order', [
    `CREATE TABLE t (a int, b text, c float8); INSERT INTO t SELECT i, 'b' || i, i / 3.0 FROM generate_series(1, 500) AS i;`,
    `CREATE TABLE t (gone int, c float8, b text); ALTER TABLE t DROP gone; ALTER TABLE t ADD a int;
     INSERT INTO t (a, b, c) SELECT i, 'b' || i, i / 3.0 FROM generate_series(500, 1, -1) AS i;
     INSERT INTO t SELECT * FROM t; DELETE FROM t WHERE ctid > '(0,9)' AND ctid NOT IN (SELECT min(ctid) FROM t GROUP BY a);
     DELETE FROM t WHERE ctid NOT IN (SELECT min(ctid) FROM t GROUP BY a); UPDATE t SET b = b WHERE a < 100;`,
  ]);
  expect(found(await verify(pair))).toEqual([]);
});

test('NaN is NaN, whatever its bits; -0 is not 0, in a column of a domain too', async () => {
  const { target } = await apachePair();
  const table = `CREATE DOMAIN share AS float8; CREATE TABLE t (id int, a float8, b share, c float4);`;
  const pair = await makeSiblings([target, target], 'verify_nan', [
    `${table} INSERT INTO t SELECT 1, 'inf'::float8 - 'inf'::float8, 'inf'::float8 - 'inf'::float8, 'inf'::float4 - 'inf'::float4;`,
    `${table} INSERT INTO t VALUES (1, 'NaN', 'NaN', 'NaN');`,
  ]);
  expect(found(await verify(pair))).toEqual([]);
  const signs = await makeSiblings([target, target], 'verify_sign', [
    `${table} INSERT INTO t VALUES (1, 1, 0, 1);`,
    `${table} INSERT INTO t VALUES (1, 1, '-0', 1);`,
  ]);
  expect(found(await verify(signs))).toEqual(['rows of public.t different']);
});

test('values that lie next to each other do not stand for each other', async () => {
  const { target } = await apachePair();
  const table = 'CREATE TABLE t (a text, b text, c int, d int);';
  const rows = [
    [`('x', NULL, 0, NULL)`, `(NULL, 'x', 0, NULL)`],
    [`('ab', 'c', 1, 2)`, `('a', 'bc', 1, 2)`],
    [`('', '', 0, NULL)`, `('', '', NULL, 0)`],
    [`('1', '2', 1, 2)`, `('1', '2', 2, 1)`],
  ] as const;
  for (const [left, right] of rows) {
    const pair = await makeSiblings([target, target], 'verify_neighbours', [
      `${table} INSERT INTO t VALUES ${left};`,
      `${table} INSERT INTO t VALUES ${right};`,
    ]);
    expect(found(await verify(pair)), `${left} and ${right}`).toEqual(['rows of public.t different']);
  }
});

test('rows that another server puts into another partition are compared at the root', async () => {
  const { target } = await apachePair();
  const script = (first: string): string => `${first}
    CREATE TYPE mood AS ENUM ('sad', 'glad', 'mad', 'calm');
    CREATE TABLE h (mood mood, x int) PARTITION BY HASH (mood);
    CREATE TABLE h0 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE h1 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    INSERT INTO h VALUES ('sad', 1), ('glad', 2), ('mad', 3), ('calm', 4);`;
  const pair = await makeSiblings([target, target], 'verify_partition', [
    script(''),
    // Types with other OIDs, whose hashes are others too.
    script(`CREATE TYPE other AS ENUM ('a', 'b', 'c'); DROP TYPE other;`),
  ]);
  const verification = await verify(pair);
  expect(found(verification)).toEqual([]);
  expect(verification.rows).toEqual({ source: 4, target: 4 });
});

test('a large value is hashed in a way that needs no text of it', async () => {
  const { target } = await apachePair();
  const script = (byte: string): string => `CREATE TABLE t (id int PRIMARY KEY, big bytea, words text);
    INSERT INTO t VALUES (1, decode(repeat('00${byte}', 15000000), 'hex'), repeat('wort', 10000000));`;
  const pair = await makeSiblings([target, target], 'verify_large', [script('ff'), script('ff')]);
  expect(found(await verify(pair))).toEqual([]);
  const other = await makeSiblings([target, target], 'verify_large', [script('ff'), script('fe')]);
  expect(found(await verify(other))).toEqual(['rows of public.t different']);
});
