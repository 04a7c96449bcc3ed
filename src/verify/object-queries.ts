import type { Row, Session } from '../postgres/session.js';
import { ObjectSet, type RecordedObject } from './object-set.js';
import type { ObjectDifference } from './verification.js';

type Area = ObjectDifference['area'];

/** A query with a row for each object. Where the objects of both sides are the same, so are the rows. */
export interface ObjectQuery {
  readonly area: Area;
  readonly text: string;
  /** What a row says. */
  objectOf(row: Row): RecordedObject;
}

/** How many rows a query has, and what their hashes add up to: the same text where the rows are the same. */
export interface ObjectSum {
  readonly objects: number;
  readonly hash: string;
}

/** One side, and what it is asked, by names that both sides give their queries. */
export interface AskedSide {
  readonly areas: ReadonlyMap<string, Area>;
  /** Whether it was asked earlier, maybe by a version that had the same objects from other queries. */
  readonly isRecorded: boolean;
  /** @param queries all unless given */
  readSums(queries?: ReadonlySet<string>): Promise<ReadonlyMap<string, ObjectSum>>;
  readObjects(queries: ReadonlySet<string>): Promise<ObjectSet>;
  /** @throws HyperferryError `SOURCE_CHANGED` when the queries give others by now than were noted */
  expectAsNoted?(queries: ReadonlySet<string>, differences: readonly ObjectDifference[]): Promise<void>;
}

/** Compares the sums of all rows' hashes, and then what the queries say whose sums differ: mostly none. */
export async function compareQueries(
  source: AskedSide,
  target: AskedSide,
): Promise<{ readonly compared: number; readonly differences: readonly ObjectDifference[] }> {
  const [left, right] = await Promise.all([source.readSums(), target.readSums()]);
  const differing = [...new Map([...source.areas, ...target.areas])].filter(
    ([name]) => left.get(name)?.hash !== right.get(name)?.hash,
  );
  const differences: ObjectDifference[] = [];
  for (const [area, names] of source.isRecorded ? byArea(differing) : oneByOne(differing)) {
    const [here, there] = await Promise.all([source.readObjects(names), target.readObjects(names)]);
    differences.push(...here.differencesTo(there, area));
  }
  if (differences.length > 0) {
    await source.expectAsNoted?.(new Set(differing.map(([name]) => name)), differences);
  }
  return { compared: [...left.values()].reduce((sum, { objects }) => sum + objects, 0), differences };
}

type Differing = readonly (readonly [name: string, area: Area])[];

function byArea(queries: Differing): Map<Area, Set<string>> {
  const names = new Map<Area, Set<string>>();
  for (const [name, area] of queries) names.set(area, (names.get(area) ?? new Set()).add(name));
  return names;
}

/** Of many chunks, no more is in memory than the objects of one query. */
function oneByOne(queries: Differing): (readonly [Area, Set<string>])[] {
  return queries.map(([name, area]) => [area, new Set([name])]);
}

/** A side that is there to be asked. */
export function askServer(session: Session, queries: ReadonlyMap<string, ObjectQuery>): AskedSide {
  return {
    areas: new Map([...queries].map(([name, { area }]) => [name, area])),
    isRecorded: false,
    async readSums(names) {
      const asked = [...queries].filter(([name]) => names?.has(name) ?? true);
      const sums = asked.map(
        async ([name, { text }]) => [name, await session.one<ObjectSum & Row>(sumOf(text))] as const,
      );
      return new Map(await Promise.all(sums));
    },
    async readObjects(names) {
      const objects = new ObjectSet();
      for (const [name, { text, objectOf }] of queries) {
        if (names.has(name)) await session.each(text, (row) => objects.add(...objectOf(row)));
      }
      return objects;
    },
  };
}

const ROW_HASH = 'pg_catalog.hashtextextended(hf_object::text COLLATE pg_catalog."C", 0)';

/** Equal bytes mean equal texts in one encoding alone; where there are two, all is read. */
function sumOf(query: string): string {
  return `
SELECT pg_catalog.count(*)::int AS objects,
       pg_catalog.concat_ws(' ', pg_catalog.getdatabaseencoding(), pg_catalog.count(*), pg_catalog.sum(${ROW_HASH})) AS hash
FROM (${query}) AS hf_object`;
}

/**
 * Reads each object of a query as it comes, and gives the sum that `readSums()` gives.
 * @param encoding of the database
 */
export async function readWithSum(
  session: Session,
  { text, objectOf }: ObjectQuery,
  encoding: string,
  take: (object: RecordedObject) => void,
): Promise<ObjectSum> {
  let objects = 0;
  let sum = 0n;
  await session.each<{ hf_hash: string }>(
    // Without OFFSET, the server would make each column a second time for the hash.
    `SELECT hf_object.*, ${ROW_HASH} AS hf_hash FROM (${text}\nOFFSET 0) AS hf_object`,
    ({ hf_hash, ...row }) => {
      objects++;
      sum += BigInt(hf_hash);
      take(objectOf(row));
    },
  );
  return { objects, hash: objects === 0 ? `${encoding} 0` : `${encoding} ${objects} ${sum}` };
}
