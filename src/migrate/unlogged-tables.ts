import { doubtRows } from '../engine/done.js';
import type { Relation } from '../inventory/relations.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';

/** Unlogged tables that are empty: a crash of the target has that effect. */
const READ_EMPTY_UNLOGGED = `
SELECT n.nspname AS schema, c.relname AS name
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence = 'u' AND c.relkind = 'r' AND pg_catalog.pg_relation_size(c.oid) = 0`;

/** @returns tables that may have lost their rows, as SQL names them */
export async function readEmptied(session: Session): Promise<Set<string>> {
  const rows = await session.query<{ schema: string; name: string }>(READ_EMPTY_UNLOGGED);
  return new Set(rows.map(quoteQualified));
}

const READ_COPIED = `
SELECT DISTINCT relation FROM _hyperferry.done WHERE kind IS NOT NULL AND rows > 0 AND relation = ANY ($1)`;

/**
 * A worker whose connection ends with a crash of the target goes on when the server is there again: what it had committed is
 * marked, also the rows of unlogged tables, which are gone. Rows that go through a partitioned table may be in another
 * partition than on the source: only where all of its partitions are empty are they lost.
 *
 * @throws HyperferryError `CONNECTION_LOST`, upon which the next attempt copies them again
 */
export async function expectUnloggedRows(
  session: Session,
  relations: readonly Pick<Relation, 'schema' | 'name' | 'loadThrough'>[],
): Promise<void> {
  const empty = await readEmptied(session);
  const rootOf = ({ loadThrough }: Pick<Relation, 'loadThrough'>) =>
    loadThrough && quoteQualified(loadThrough);
  const rootsWithRows = new Set(
    relations.filter((relation) => !empty.has(quoteQualified(relation))).map(rootOf),
  );
  const emptied = relations
    .filter((relation) => !relation.loadThrough || !rootsWithRows.has(rootOf(relation)))
    .map(quoteQualified)
    .filter((name) => empty.has(name));
  if (emptied.length === 0) return;
  const copied = await session.query<{ relation: string }>(READ_COPIED, [emptied]);
  if (copied.length === 0) return;
  const names = copied.map(({ relation }) => relation);
  await doubtRows(session, names);
  throw new HyperferryError(
    'CONNECTION_LOST',
    `the target has crashed since, and lost the rows of unlogged tables: ${names.slice(0, NAMES_SHOWN).join(', ')}`,
  );
}

const NAMES_SHOWN = 10;
