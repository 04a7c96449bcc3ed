import { expect, test } from 'vitest';
import { parseConnection } from '../../src/postgres/connection-string.js';
import { Session } from '../../src/postgres/session.js';
import {
  type AskedSide,
  askServer,
  compareQueries,
  type ObjectQuery,
  readWithSum,
} from '../../src/verify/object-queries.js';
import { ObjectSet, type RecordedObject } from '../../src/verify/object-set.js';
import { makeDatabases } from '../integration/databases.js';
import { apachePair } from '../integration/servers.js';

const objectOf: ObjectQuery['objectOf'] = (row) => [String(row.kind), String(row.object), [String(row.text)]];

test('a sum that is made of rows as they come is the one that the server gives', async () => {
  const databases = await makeDatabases(await apachePair(), 'object_sums', `CREATE TABLE "a ""b" (c int)`);
  const queries = new Map<string, ObjectQuery>([
    [
      'relations',
      {
        area: 'definition',
        text: 'SELECT relkind::text AS kind, oid::regclass::text AS object, relname::text AS text FROM pg_class',
        objectOf,
      },
    ],
    [
      'none',
      {
        area: 'definition',
        text: `SELECT 'a'::text AS kind, 'b'::text AS object, 'c'::text AS text WHERE false`,
        objectOf,
      },
    ],
  ]);
  const session = await Session.open('source', parseConnection(databases.source));
  try {
    const given = await askServer(session, queries).readSums();
    for (const [name, query] of queries) {
      const objects: RecordedObject[] = [];
      const sum = await readWithSum(session, query, 'UTF8', (object) => objects.push(object));
      expect(sum, name).toEqual(given.get(name));
      expect(objects, name).toHaveLength(sum.objects);
    }
    expect(given.get('relations')?.objects).toBeGreaterThan(300);
  } finally {
    await session.close();
  }
});

/** Each object by the query that gives it. */
function sideWith(objects: readonly (readonly [query: string, ...RecordedObject])[]): AskedSide {
  const names = [...new Set(objects.map(([query]) => query))];
  const of = (queries: ReadonlySet<string>) =>
    objects.filter(([query]) => queries.has(query)).map(([, ...object]) => object);
  return {
    areas: new Map(names.map((name) => [name, 'definition'])),
    isRecorded: true,
    readSums: async () =>
      new Map(
        names.map((name) => {
          const given = of(new Set([name]));
          return [name, { objects: given.length, hash: JSON.stringify(given) }];
        }),
      ),
    readObjects: async (queries) => new ObjectSet(of(queries)),
  };
}

test('what another version asks by other queries is the same, and what differs is found', async () => {
  const source = sideWith([
    ['definitions 0', 'table', 'a', ['x']],
    ['definitions 0', 'index', 'b', ['y']],
    ['definitions 1', 'view', 'c', ['z']],
  ]);
  const moved = [
    ['definitions 0', 'view', 'c', ['z']],
    ['definitions 1', 'table', 'a', ['x']],
  ] as const;
  const same = sideWith([...moved, ['definitions 2', 'index', 'b', ['y']]]);
  expect(await compareQueries(source, same)).toEqual({ compared: 3, differences: [] });
  const other = sideWith([...moved, ['definitions 2', 'index', 'b', ['other']]]);
  expect((await compareQueries(source, other)).differences).toMatchObject([
    { area: 'definition', kind: 'index', object: 'b', state: 'different', source: ['y'], target: ['other'] },
  ]);
});
