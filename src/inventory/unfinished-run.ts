import type { Session } from '../postgres/session.js';

/** What a target says about a run of Hyperferry that did not end. */
export interface UnfinishedRun {
  readonly source: string;
  readonly startedAt: string;
  /** The stage that it was in. */
  readonly stage: string;
}

/** The run that a target still holds in the schema `_hyperferry`, if any. */
export async function readUnfinishedRun(session: Session): Promise<UnfinishedRun | undefined> {
  const { exists } = await session.one<{ exists: boolean }>(
    `SELECT pg_catalog.to_regclass('_hyperferry.run') IS NOT NULL AS exists`,
  );
  if (!exists) return undefined;
  const [run] = await session.query<UnfinishedRun & Record<string, unknown>>(
    'SELECT source, started_at::text AS "startedAt", stage FROM _hyperferry.run',
  );
  return run;
}
