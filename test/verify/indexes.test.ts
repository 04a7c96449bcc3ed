import { expect, test } from 'vitest';
import { verify } from '../../src/verify/verify.js';
import { apachePair } from '../integration/servers.js';
import { query } from '../integration/sql.js';
import { found } from './found.js';
import { makeSiblings } from './twins.js';

const TABLE = `
CREATE TABLE part (a int, b text, c varchar, d tsvector, e int);
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
`;

/** An index of one side and of the other: what each says that the other does not. */
const DIFFERING: Readonly<Record<string, readonly [source: string, target: string]>> = {
  uniqueness: ['INDEX % ON part (a)', 'UNIQUE INDEX % ON part (a)'],
  nulls: ['UNIQUE INDEX % ON part (a)', 'UNIQUE INDEX % ON part (a) NULLS NOT DISTINCT'],
  method: ['INDEX % ON part (a)', 'INDEX % ON part USING hash (a)'],
  column: ['INDEX % ON part (a)', 'INDEX % ON part (e)'],
  "column's place": ['INDEX % ON part (a, e)', 'INDEX % ON part (e, a)'],
  direction: ['INDEX % ON part (a NULLS LAST)', 'INDEX % ON part (a DESC NULLS LAST)'],
  'place of nulls': ['INDEX % ON part (a)', 'INDEX % ON part (a NULLS FIRST)'],
  collation: ['INDEX % ON part (b)', 'INDEX % ON part (b COLLATE "C")'],
  'collation of an expression': ['INDEX % ON part (lower(b))', 'INDEX % ON part (lower(b) COLLATE "C")'],
  'operator class': ['INDEX % ON part (b)', 'INDEX % ON part (b text_pattern_ops)'],
  'operator class of another type': ['INDEX % ON part (c)', 'INDEX % ON part (c bpchar_ops)'],
  "operator class's option": [
    'INDEX % ON part USING gist (d)',
    'INDEX % ON part USING gist (d tsvector_ops(siglen = 200))',
  ],
  'included column': ['INDEX % ON part (a, e)', 'INDEX % ON part (a) INCLUDE (e)'],
  expression: ['INDEX % ON part ((a + 1))', 'INDEX % ON part (public.twice(a))'],
  predicate: ['INDEX % ON part (a)', 'INDEX % ON part (a) WHERE b IS NULL'],
  "predicate's value": ['INDEX % ON part (a) WHERE e > 1', 'INDEX % ON part (a) WHERE e > 2'],
  option: ['INDEX % ON part (a)', 'INDEX % ON part (a) WITH (fillfactor = 70)'],
  'statistics of a column': [
    'INDEX % ON part ((a + 1))',
    'INDEX % ON part ((a + 1)); ALTER INDEX % ALTER COLUMN 1 SET STATISTICS 500',
  ],
  clustering: ['INDEX % ON part (a)', 'INDEX % ON part (a); ALTER TABLE part CLUSTER ON %'],
};

test('each property of an index is compared', async () => {
  const { source: server } = await apachePair();
  const script = (side: 0 | 1): string =>
    `${TABLE}${Object.entries(DIFFERING)
      .map(
        ([name, sides]) =>
          `CREATE ${sides[side].replaceAll('%', `"${name}"`)}; CREATE ${sides[0].replaceAll('%', `"${name}, same"`)};`,
      )
      .join('\n')}`;
  const { source, target } = await makeSiblings([server, server], 'indexes', [script(0), script(1)]);
  const named = found(await verify({ source, target, mode: 'counts' })).map((line) =>
    line.replaceAll('"', ''),
  );
  expect(named.sort()).toEqual(
    Object.keys(DIFFERING)
      .map((name) => `index public.${name} different`)
      .sort(),
  );
  // The server's own words differ where the comparison found a difference, but for what they leave out.
  const words = (url: string): Promise<Record<string, unknown>[]> =>
    query(url, `SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'part' ORDER BY 1`);
  const [here, there] = [await words(source), await words(target)];
  const unsaid = ['statistics of a column', 'clustering'];
  expect(
    here.filter(({ indexdef }, at) => indexdef !== there[at]?.indexdef).map(({ indexname }) => indexname),
  ).toEqual(
    Object.keys(DIFFERING)
      .filter((name) => !unsaid.includes(name))
      .sort(),
  );
});
