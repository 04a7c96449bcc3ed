import type { Row, Session } from '../postgres/session.js';
import { ObjectSet } from './object-set.js';
import type { ObjectDifference } from './verification.js';

/** A query with a row for each object. Where the objects of both sides are the same, so are the rows. */
export interface ObjectQuery {
  readonly area: ObjectDifference['area'];
  readonly text: string;
  /** Adds what a row says. */
  add(objects: ObjectSet, row: Row): void;
}

/** One side, and the queries that it is asked, by names that both sides give them. */
export interface AskedSide {
  readonly session: Session;
  readonly queries: ReadonlyMap<string, ObjectQuery>;
}

/** Compares the sums of all rows' hashes, and then what the queries say whose sums differ: mostly none. */
export async function compareQueries(
  source: AskedSide,
  target: AskedSide,
): Promise<{ readonly compared: number; readonly differences: readonly ObjectDifference[] }> {
  const [left, right] = await Promise.all([readSums(source), readSums(target)]);
  const differences: ObjectDifference[] = [];
  for (const [name, { area }] of new Map([...source.queries, ...target.queries])) {
    if (left.get(name)?.hash === right.get(name)?.hash) continue;
    const [here, there] = await Promise.all([readObjects(source, name), readObjects(target, name)]);
    differences.push(...here.differencesTo(there, area));
  }
  return { compared: [...left.values()].reduce((sum, { objects }) => sum + objects, 0), differences };
}

interface Sum {
  readonly objects: number;
  readonly hash: string;
}

async function readSums({ session, queries }: AskedSide): Promise<Map<string, Sum>> {
  return new Map(
    await Promise.all(
      [...queries].map(
        async ([name, { text }]) => [name, await session.one<Sum & Row>(sumOf(text))] as const,
      ),
    ),
  );
}

/** Equal bytes mean equal texts in one encoding alone; where there are two, all is read. */
function sumOf(query: string): string {
  return `
SELECT pg_catalog.count(*)::int AS objects,
       pg_catalog.concat_ws(' ', pg_catalog.getdatabaseencoding(), pg_catalog.count(*),
         pg_catalog.sum(pg_catalog.hashtextextended(hf_object::text COLLATE pg_catalog."C", 0))) AS hash
FROM (${query}) AS hf_object`;
}

async function readObjects({ session, queries }: AskedSide, name: string): Promise<ObjectSet> {
  const objects = new ObjectSet();
  const query = queries.get(name);
  if (query) await session.each(query.text, (row) => query.add(objects, row));
  return objects;
}
