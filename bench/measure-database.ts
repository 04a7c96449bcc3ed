import type { Contender } from './contenders/contender.js';
import { type Content, differenceOf, readContent } from './content.js';
import type { Course } from './course.js';
import type { BenchDatabase } from './databases.js';
import { firstLineOf } from './first-line.js';
import type { Usage } from './measure.js';
import type { Measured, Round, Size } from './results.js';
import { withClient } from './with-client.js';

export interface Place {
  /** Both databases as the benchmark itself reaches them. */
  readonly near: { readonly source: string; readonly target: string };
  /** The same for the contenders, who may have a longer way. */
  readonly course: Course;
  readonly rounds: number;
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
  { near, course, rounds }: Place,
): Promise<Measured> {
  await recreate(near.source);
  await withClient(near.source, async (client) => {
    for (const statement of database.statements) await client.query(statement);
  });
  const size = await sizeOf(near.source);
  const content = await readContent(near.source);
  const entries: Entry[] = [];
  for (const contender of taking) {
    entries.push({ contender, run: await contender.prepare(course), rounds: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const entry of entries) {
      if (entry.rounds.at(-1)?.state === 'failed') continue;
      await recreate(near.target);
      entry.rounds.push(await runOnce(entry, near.target, content));
    }
  }
  return {
    database: database.name,
    description: database.description,
    size,
    contenders: entries.map(({ contender, rounds }) => ({ name: contender.name, rounds })),
  };
}

async function runOnce({ contender, run }: Entry, target: string, content: Content): Promise<Round> {
  try {
    const begun = performance.now();
    const usage = await run();
    const seconds = (performance.now() - begun) / 1000;
    const difference = differenceOf(content, await readContent(target));
    if (difference === undefined) return { state: 'done', seconds, ...usage };
    throw new Error(`it ended well, but there are ${difference}`);
  } catch (error) {
    if (!contender.isPeer) throw error;
    return { state: 'failed', error: firstLineOf(error) };
  }
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

/** Makes the database anew, empty. */
async function recreate(url: string): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  const server = Object.assign(new URL(url), { pathname: '/postgres' }).href;
  await withClient(server, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${name} TEMPLATE template0`);
    await client.query('CHECKPOINT');
  });
}
