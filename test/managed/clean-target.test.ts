import { expect, test } from 'vitest';
import { migrate } from '../../src/index.js';
import { makeDatabases } from '../integration/databases.js';
import { query, queryValue, runScript } from '../integration/sql.js';
import { forgetSource } from './facts.js';
import { makeManagedTarget } from './managed-target.js';
import { apacheManagedPair } from './pairs.js';

/** Made of nothing but the server's own types and functions. */
const OBJECTS = `
CREATE COLLATION ordered (provider = icu, locale = 'sv');
CREATE TEXT SEARCH DICTIONARY "wo;rds" (TEMPLATE = simple);
CREATE TEXT SEARCH CONFIGURATION searched (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION searched ALTER MAPPING FOR word WITH "wo;rds";
CREATE CONVERSION converted FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
CREATE OPERATOR !!! (RIGHTARG = int, FUNCTION = int4um);`;

/** What only superusers make. */
const BY_SUPERUSER = `
CREATE TEXT SEARCH PARSER parsed (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH TEMPLATE template (LEXIZE = dsimple_lexize);
CREATE OPERATOR CLASS backwards FOR TYPE int USING btree AS
  OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 btint4cmp(int, int);
CREATE OPERATOR CLASS forwards FOR TYPE int USING btree FAMILY integer_ops AS STORAGE int;`;

test('where the extension stays, and so public, what stands by itself in public is dropped as well', async () => {
  const pair = await apacheManagedPair();
  await forgetSource(pair.source.url, 'cleaned', 'cleaned');
  const { url, adminUrl } = await makeManagedTarget(pair.target);
  const databases = await makeDatabases(pair, 'cleaned', `CREATE EXTENSION timescaledb; ${OBJECTS}`);
  await runScript(databases.programs, url, OBJECTS);
  await runScript(databases.programs, adminUrl, BY_SUPERUSER);
  const { verification } = await migrate({ ...databases, target: url, jobs: 1, cleanTarget: true });
  expect(verification).toMatchObject({ equal: true });
  expect(
    await query(
      adminUrl,
      `SELECT prsname AS left FROM pg_ts_parser WHERE oid >= 16384
       UNION ALL SELECT tmplname FROM pg_ts_template WHERE oid >= 16384
       UNION ALL SELECT opcname FROM pg_opclass o WHERE oid >= 16384 AND opcnamespace = 'public'::regnamespace
       UNION ALL SELECT opfname FROM pg_opfamily WHERE oid >= 16384 AND opfnamespace = 'public'::regnamespace`,
    ),
  ).toEqual([]);
  expect(await queryValue(url, `SELECT 1 OPERATOR(public.===) 1`)).toBe('t');
});
