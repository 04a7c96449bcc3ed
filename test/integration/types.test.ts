import { test } from 'vitest';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration } from './ferry.js';
import { expectHypertableWorks } from './hypertables.js';
import { apachePair } from './servers.js';

test('enums, domains, composites, ranges and arrays of each are carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'types_defined',
    `
    CREATE EXTENSION timescaledb;
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
    ALTER TYPE mood ADD VALUE 'so, so "quoted"' BEFORE 'ok';
    CREATE DOMAIN positive AS int CHECK (VALUE > 0);
    CREATE DOMAIN positives AS positive[] CHECK (array_length(VALUE, 1) < 10);
    CREATE TYPE pair AS (number positive, mood mood, note text);
    CREATE TYPE nested AS (pair pair, pairs pair[], empty text);
    CREATE TYPE floatrange AS RANGE (subtype = float8, subtype_diff = float8mi);
    CREATE TYPE moodrange AS RANGE (subtype = mood, multirange_type_name = moods);
    CREATE DOMAIN pair_domain AS pair;
    CREATE TABLE reading (
      at timestamptz NOT NULL, mood mood, moods mood[], positive positive, positives positives, pair pair,
      pairs pair[], nested nested, float_range floatrange, float_multirange floatmultirange, mood_range moodrange,
      many_moods moods, pair_domain pair_domain, ranges int4range[], multirange tstzmultirange
    );
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading VALUES
      ('2026-01-01 00:00+00', 'happy', '{sad,NULL,"so, so \\"quoted\\""}', 3, '{1,2}', '(1,sad,"a,b""c")',
       '{"(1,sad,)","(2,ok,\\"\\")",NULL}', ROW(ROW(1, 'ok', NULL), ARRAY[ROW(2, 'sad', 'x')::pair], '')::nested,
       '[1.5,2.5)', '{[1,2),(3,4]}', '[sad,happy)', '{[sad,ok),[happy,happy]}', '(7,ok,domain)', '{"[1,2)",empty}',
       '{[2026-01-01 00:00+00,2026-01-02 00:00+00)}'),
      ('2026-02-01 00:00+00', NULL, '{}', NULL, NULL, NULL, NULL, NULL, 'empty', '{}', '(,)', '{}', NULL, NULL, NULL),
      ('2026-02-02 00:00+00', 'ok', '[2:3]={sad,ok}', 1, '{}', '(,,)', '{}', '(,,)', '(,1]', NULL, 'empty', NULL,
       '(,,)', '{{"[1,2)"},{"(3,)"}}', '{}');
    CREATE TYPE over_table AS (row reading);
    CREATE TABLE holds_rows (whole reading, wrapped over_table[]);
    INSERT INTO holds_rows SELECT r, ARRAY[ROW(r)::over_table] FROM reading r;
    `,
  );
  await expectFaithfulMigration(databases);
  await expectHypertableWorks(databases.target, 'reading', {
    columns: 'at, mood, pair',
    old: `('2026-01-02 00:00+00', 'sad', '(1,sad,x)')`,
    new: `('2020-01-02 00:00+00', 'so, so "quoted"', '(1,sad,x)')`,
  });
});

test('numbers, dates, intervals and byte strings at their limits are carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'types_limits',
    `
    CREATE EXTENSION timescaledb;
    SET DateStyle = 'ISO, YMD';
    CREATE TABLE numbers (number numeric, exact numeric(20, 5), small float4, large float8, floats float8[], money money);
    INSERT INTO numbers VALUES
      ('NaN', 'NaN', 'NaN', 'NaN', '{NaN,-0,Infinity}', '-92233720368547758.08'),
      ('Infinity', 1, 'Infinity', 'Infinity', '{}', '92233720368547758.07'),
      ('-Infinity', -1, '-Infinity', '-Infinity', '{-Infinity}', 0),
      (0.00, 0.10000, '-0', '-0', '{-0,0}', 1),
      (1.10, 1.1, 1e-45, 4.9406564584124654e-324, '{5e-324,2.2250738585072009e-308}', 2),
      (12345678901234567890.123456789012345678901234567890, 3, 0.1, 0.1, '{0.30000000000000004}', 3),
      (10::numeric ^ 1000, 4, 3.4028235e38, 1.7976931348623157e308, '{{1,2},{3,4}}', 4),
      (1e-1000, 5, 16777217, 9007199254740993, NULL, NULL);
    CREATE TABLE moments (d date, t time, tz timetz, ts timestamp, at timestamptz, i interval);
    INSERT INTO moments VALUES
      ('4713-01-01 BC', '00:00', '00:00+15:59', '4713-01-01 00:00 BC', '4714-11-24 00:00+00 BC', '-178000000 years'),
      ('infinity', '24:00', '24:00-15:59', 'infinity', 'infinity', 'infinity'),
      ('-infinity', '23:59:59.999999', '12:34:56.789+05:30', '-infinity', '-infinity', '-infinity'),
      ('5874897-12-31', '12:00', '12:00-03:25:45', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00',
       '1 year -2 months 3 days -04:05:06.000007'),
      ('0001-12-31 BC', '01:02:03.000004', '01:02+00', '1582-10-15', '2026-11-01 05:30+00', '-1 day +23:00'),
      ('2026-03-04', '03:04', '03:04-07', '2026-03-04 05:06:07.000001', '2026-03-08 07:00+00', '1 mon -30 days'),
      ('2000-01-01', '00:00:00.1', '00:00:00.1+00:00:30', '1999-12-31 23:59:59.999999', '1883-11-18 17:00+00', '0');
    CREATE TABLE bytes (bytes bytea, bits bit(5), varbits bit varying, id uuid);
    INSERT INTO bytes SELECT decode(string_agg(lpad(to_hex(i), 2, '0'), ''), 'hex'), B'10101', B'1', gen_random_uuid()
    FROM generate_series(0, 255) i;
    INSERT INTO bytes VALUES ('', B'00000', B'', NULL), ('\\\\x41', NULL, NULL, NULL), ('\\000\\\\''', NULL, NULL, NULL);
    CREATE TABLE integers (a int2, b int4, c int8, d oid, e boolean, f "char");
    INSERT INTO integers VALUES (-32768, -2147483648, -9223372036854775808, 4294967295, true, 'x'),
      (32767, 2147483647, 9223372036854775807, 0, false, ''), (NULL, NULL, NULL, NULL, NULL, '\\200');
    CREATE TABLE lasting (at timestamptz NOT NULL, value float8);
    SELECT create_hypertable('lasting', 'at', chunk_time_interval => interval '100 years');
    INSERT INTO lasting VALUES ('2000-01-01 00:00 BC', '-0'), ('1200-01-01 00:00+00', 5e-324), ('2026-01-01 00:00+00', 'NaN');
    `,
  );
  await expectFaithfulMigration(databases);
});

test('jsonb, xml, network, geometric, full-text and system types are carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'types_builtin',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE documents (j json, b jsonb, x xml, path jsonpath, vector tsvector, search tsquery);
    INSERT INTO documents VALUES
      ('{"a" : 1,  "a":2}', '{"n": 1.10, "deep": [[], {}, null, "\\u00e9\\n"], "big": 1e400}', '<a b="c">&lt;</a>',
       '$.a[*] ? (@ > 1)', 'a:1A fat:2,3 ''quoted '''' one'':4', 'a & (b | !c) <2> d:*A'),
      ('null', 'null', 'content only, no element', '$', '', '');
    CREATE TABLE addresses (i inet, c cidr, m macaddr, m8 macaddr8);
    INSERT INTO addresses VALUES ('192.168.0.1/24', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05'),
      ('::ffff:1.2.3.4/128', '2001:db8::/32', NULL, NULL);
    CREATE TABLE shapes (p point, l line, s lseg, b box, o path, c path, g polygon, r circle);
    INSERT INTO shapes VALUES ('(0.1,-0)', '{1,2,3}', '[(0,0),(1,1e-300)]', '(1,1),(0,0)', '[(0,0),(1,1)]',
      '((0,0),(1,1))', '((0,0),(1,1),(2,0))', '<(0,0),0.30000000000000004>');
    CREATE TABLE characters (c char(5), v varchar(5), n name, t text COLLATE "C");
    INSERT INTO characters VALUES ('ab', 'ab   ', 'name', 'text'), ('', '', '', ''), ('äöü€', E'\\t\\n\\r', 'ü', E'\\x01\\x7f');
    CREATE TABLE system_names (c regclass, t regtype, p regproc, pr regprocedure, n regnamespace, r regrole, o regoperator,
                               co regcollation, l pg_lsn, x xid8, ti tid, cl regclass[]);
    INSERT INTO system_names VALUES ('documents', 'shapes', 'now', 'lower(text)', 'public', 'postgres', '+(int4,int4)',
      '"C"', '16/B374D848', '42', '(1,2)', '{documents,pg_class}'), (0, 0, 0, 0, 0, 0, 0, 0, '0/0', '0', '(0,0)', '{}');
    CREATE DOMAIN vector AS oidvector;
    CREATE TABLE empty_vector AS SELECT ''::int2vector AS numbers;
    CREATE TABLE empty_vectors AS SELECT ARRAY[''::int2vector] AS numbers;
    CREATE TABLE empty_in_domain AS SELECT ''::vector AS oids;
    `,
  );
  await expectFaithfulMigration(databases);
});

test('NULL, the empty string and the marks of the text format are told apart', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'types_marks',
    `
    CREATE EXTENSION timescaledb;
    CREATE TYPE label AS ENUM ('\\.', '\\N', '', 'NULL');
    CREATE TABLE marks (at timestamptz NOT NULL, note text, label label, notes text[], labels label[]);
    SELECT create_hypertable('marks', 'at');
    INSERT INTO marks SELECT '2026-01-01 00:00+00'::timestamptz + row_number() OVER () * interval '1 day', note, label,
                             ARRAY[note, 'NULL', '', NULL], ARRAY[label, NULL, 'NULL']
    FROM (VALUES ('\\.', '\\.'), ('\\N', '\\N'), ('', ''), (NULL, NULL), ('NULL', 'NULL'), (E'\\\\.\\n\\\\.\\n', NULL),
                 (E'\\r\\n', NULL), (E'\\t', NULL), ('\\\\', NULL), ('"', NULL), ('{}', NULL), (E'\\n', NULL),
                 (' leading and trailing ', NULL)) AS given (note, label_text),
         LATERAL (SELECT label_text::label) AS cast_given (label);
    CREATE TABLE one_column (note text);
    INSERT INTO one_column VALUES ('\\.'), (''), (NULL), ('\\N'), (E'\\n'), (E'\\\\.\\n');
    CREATE TABLE one_label (label label);
    INSERT INTO one_label VALUES ('\\.'), (''), (NULL), ('\\N'), ('NULL');
    `,
  );
  await expectFaithfulMigration(databases);
});

test('types of other extensions, with their operators and indexes, are carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'types_extensions',
    `
    CREATE EXTENSION timescaledb;
    CREATE SCHEMA ext;
    CREATE EXTENSION hstore SCHEMA ext;
    CREATE EXTENSION citext;
    CREATE EXTENSION ltree SCHEMA ext;
    CREATE EXTENSION btree_gist;
    CREATE EXTENSION earthdistance CASCADE;
    COMMENT ON EXTENSION citext IS 'a comment of our own';
    CREATE TABLE tagged (at timestamptz NOT NULL, tags ext.hstore, name citext, path ext.ltree, names citext[]);
    SELECT create_hypertable('tagged', 'at');
    CREATE INDEX ON tagged USING gin (tags);
    CREATE INDEX ON tagged USING gist (path);
    INSERT INTO tagged VALUES ('2026-01-01 00:00+00', '"a b"=>"1", c=>NULL', 'Name', 'Top.Science', '{A,b}'),
      ('2026-02-01 00:00+00', '', 'NAME', '', '{}');
    CREATE TABLE booking (room int, during tstzrange, EXCLUDE USING gist (room WITH =, during WITH &&));
    INSERT INTO booking VALUES (1, '[2026-01-01 00:00+00,2026-01-02 00:00+00)');
    `,
  );
  await expectFaithfulMigration(databases);
});
