import type { Contender } from './contenders/contender.js';
import { type Content, differenceOf } from './content.js';
import type { Course } from './course.js';
import type { BenchDatabase } from './databases.js';
import type { Destination } from './destination.js';
import { firstLineOf } from './first-line.js';
import { look, type Usage } from './measure.js';
import { recreate } from './recreate.js';
import type { Measured, Round, Size } from './results.js';
import { withClient } from './with-client.js';

export interface Place {
  /** The source as the benchmark itself reaches it. */
  readonly source: string;
  readonly destination: Destination;
  /** The same for the contenders, who may have a longer way. */
  readonly course: Course;
  readonly rounds: number;
  /** The processes of both servers, of which all others of theirs are children. */
  readonly postmasters: readonly number[];
}

interface Entry {
  readonly contender: Contender;
  readonly run: () => Promise<Usage | undefined>;
  readonly rounds: Round[];
}

/**
 * Makes the database on the source, and times the contenders in turn, round by round, so that a machine that drifts drifts
 * for all of them. A peer that has failed is not asked again.
 *
 * @throws when a contender that is no peer fails
 */
export async function measureDatabase(
  database: BenchDatabase,
  taking: readonly Contender[],
  { source, destination, course, rounds, postmasters }: Place,
): Promise<Measured> {
  await recreate(source);
  await withClient(source, async (client) => {
    for (const statement of database.statements) await client.query(statement);
  });
  const size = await sizeOf(source);
  const content = await destination.readExpected();
  const entries: Entry[] = [];
  for (const contender of taking) {
    entries.push({ contender, run: await contender.prepare(course), rounds: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const entry of entries) {
      if (entry.rounds.at(-1)?.state === 'failed') continue;
      await destination.clear();
      entry.rounds.push(await runOnce(entry, { destination, content, postmasters }));
    }
  }
  return {
    database: database.name,
    description: database.description,
    size,
    contenders: entries.map(({ contender, rounds }) => ({ name: contender.name, rounds })),
  };
}

async function runOnce(
  { contender, run }: Entry,
  {
    destination,
    content,
    postmasters,
  }: Pick<Place, 'destination' | 'postmasters'> & { readonly content: Content },
): Promise<Round> {
  try {
    const before = await cpuSecondsOf(postmasters);
    const begun = performance.now();
    const usage = await run();
    const seconds = (performance.now() - begun) / 1000;
    const serverCpuSeconds = (await cpuSecondsOf(postmasters)) - before;
    const difference = differenceOf(content, await destination.read());
    if (difference === undefined) return { state: 'done', seconds, serverCpuSeconds, ...usage };
    throw new Error(`it ended well, but there are ${difference}`);
  } catch (error) {
    if (!contender.isPeer) throw error;
    return { state: 'failed', error: firstLineOf(error) };
  }
}

async function cpuSecondsOf(pids: readonly number[]): Promise<number> {
  const usages = await Promise.all(pids.map(look));
  return usages.reduce((sum, usage) => sum + (usage?.cpuSeconds ?? Number.NaN), 0);
}

const READ_SIZE = `
SELECT pg_catalog.sum(s.n_live_tup)::float8 AS rows, pg_catalog.sum(pg_catalog.pg_table_size(s.relid))::float8 AS bytes
FROM pg_catalog.pg_stat_user_tables s WHERE s.schemaname NOT IN ('_timescaledb_catalog', '_timescaledb_config')`;

async function sizeOf(url: string): Promise<Size> {
  return withClient(url, async (client) => {
    const [size] = (await client.query<Size>(READ_SIZE)).rows;
    return size ?? { rows: 0, bytes: 0 };
  });
}
