import { definitionOf } from '../plan/schema-statements.js';
import type { Statement } from '../plan/statement.js';
import type { TocEntry } from '../postgres/archive/archive-toc.js';
import type { Session } from '../postgres/session.js';
import type { Migration } from './migration.js';
import { type Excuse, runStatements } from './run-statements.js';

/** Makes on the target what the archive's entries define, less what an earlier attempt has made. */
export async function makeOnce(
  session: Session,
  entries: readonly TocEntry[],
  migration: Migration,
  excuse?: Excuse,
): Promise<void> {
  const statements = entries.map((entry) => definitionOf(entry, migration.plan.tablespaces));
  await runOnce(session, statements, migration, excuse);
}

/** Runs statements, less those that an earlier attempt has run. */
export async function runOnce(
  session: Session,
  statements: readonly Statement[],
  { standing, leaveOut }: Migration,
  excuse?: Excuse,
): Promise<void> {
  await runStatements(session, statements.filter(standing.lacks), {
    leaveOut,
    isMarked: true,
    ...(excuse ? { excuse } : {}),
  });
}
