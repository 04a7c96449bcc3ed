import { type DoneMark, takeBack } from '../engine/done.js';
import type { Plan } from '../plan/plan.js';
import { definitionOf } from '../plan/schema-statements.js';
import type { TocEntry } from '../postgres/archive-toc.js';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import type { Session } from '../postgres/session.js';
import { isTransient } from '../postgres/transient.js';
import { CONFIGURATION } from './configuration.js';
import { eventTriggerStatements } from './event-triggers.js';
import type { Resumed } from './outcome.js';
import { type Standing, statementFingerprint } from './standing.js';

/**
 * Takes back what stands on the target and is no longer what the source has: definitions that are gone or are others
 * now, rows of relations that have changed, and what was made upon those rows. What stays is as the new snapshot has it.
 *
 * @param now what stands, by the counters of the source after the snapshot
 * @throws HyperferryError `SOURCE_REDEFINED` for what cannot be taken back, since other things depend on it
 */
export async function takeBackChanged(
  session: Session,
  plan: Plan,
  done: readonly DoneMark[],
  now: Standing,
): Promise<Omit<Resumed, 'attempt'>> {
  const wanted = wantedMarks(plan, now);
  const stale = new Set(
    done.filter(({ fingerprint, object }) => object !== CONFIGURATION && !wanted.has(fingerprint)),
  );
  for (const mark of upon(staleRelations(plan, now, done), plan, done)) stale.add(mark);
  const changed = [...stale];
  try {
    await takeBack(session, changed);
  } catch (error) {
    const refusal = databaseError(error);
    if (!refusal || isTransient(error)) throw error;
    throw new HyperferryError(
      'SOURCE_REDEFINED',
      `the source has other definitions than when the run began, and what was made of the old ones cannot be taken back: ${refusal.message}`,
      { cause: error, hint: 'Start over with the same command and --clean-target instead of --resume.' },
    );
  }
  const kept = done.filter((mark) => mark.rows !== null && !stale.has(mark));
  const isRelation = new Set(plan.source.relations.map(({ schema, name }) => `${schema}.${name}`));
  const isMadeAgain = new Set([...wanted, ...eventTriggerStatements(plan).map(statementFingerprint)]);
  return {
    kept: { relations: kept.length, rows: kept.reduce((sum, { rows }) => sum + (rows ?? 0), 0) },
    again: changed
      .filter(({ rows, object }) => rows !== null && isRelation.has(object))
      .map(({ object }) => object),
    takenBack: changed
      .filter(({ rows, fingerprint }) => rows === null && !isMadeAgain.has(fingerprint))
      .map(({ object }) => object),
  };
}

/** The fingerprints of all that the plan makes, but for event triggers: they would act on what is made now. */
function wantedMarks(plan: Plan, now: Standing): Set<string> {
  const { before, early, indexes, after, foreignKeys, hypertableKeys, comments, last } = plan.schema;
  const entries = [before, early, ...indexes.values(), after, foreignKeys, hypertableKeys, comments].flat();
  const subscriptions = eventTriggerStatements({
    ...plan,
    schema: { ...plan.schema, last: last.filter(({ kind }) => kind === 'SUBSCRIPTION') },
  });
  return new Set([
    ...entries.map((entry) => statementFingerprint(definitionOf(entry, plan.tablespaces))),
    ...subscriptions.map(statementFingerprint),
    ...plan.source.relations.map((relation) => now.rowsFingerprint(relation)),
    ...plan.source.largeObjects.map(({ oid }) => now.largeObjectFingerprint(oid)),
  ]);
}

/** The OIDs of relations with rows on the target that are no longer the source's. */
function staleRelations(plan: Plan, now: Standing, done: readonly DoneMark[]): Set<number> {
  const copied = new Set(done.filter(({ rows }) => rows !== null).map(({ object }) => object));
  const stale = plan.source.relations.filter(
    (relation) => copied.has(`${relation.schema}.${relation.name}`) && !now.hasRows(relation),
  );
  // Rows that went through a partitioned table are in whichever partition took them.
  const through = new Set(
    stale.flatMap(({ loadThrough }) => (loadThrough ? [JSON.stringify(loadThrough)] : [])),
  );
  return new Set([
    ...stale.map(({ oid }) => oid),
    ...plan.source.relations
      .filter(({ loadThrough }) => loadThrough && through.has(JSON.stringify(loadThrough)))
      .map(({ oid }) => oid),
  ]);
}

/** What stands upon the rows of relations: rows themselves, indexes, keys, triggers. */
function upon(relations: ReadonlySet<number>, plan: Plan, done: readonly DoneMark[]): DoneMark[] {
  const { before, indexes, after, foreignKeys, hypertableKeys } = plan.schema;
  const ids = new Set(
    before.filter(({ kind, oid }) => kind === 'TABLE' && relations.has(oid)).map(({ dumpId }) => dumpId),
  );
  const entries = [...indexes.values(), after, foreignKeys, hypertableKeys]
    .flat()
    .toSorted((a, b) => a.dumpId - b.dumpId);
  const marks = new Set<string>();
  // Until nothing is added: an entry may come before one that it depends on.
  for (let size = -1; size !== marks.size; ) {
    size = marks.size;
    for (const entry of entries) {
      if (!standsOn(entry, ids)) continue;
      ids.add(entry.dumpId);
      marks.add(statementFingerprint(definitionOf(entry, plan.tablespaces)));
    }
  }
  const names = new Set(
    plan.source.relations
      .filter(({ oid }) => relations.has(oid))
      .map(({ schema, name }) => `${schema}.${name}`),
  );
  return done.filter(({ fingerprint, rows, object }) =>
    rows === null ? marks.has(fingerprint) : names.has(object),
  );
}

/** A materialized view stands on what it reads, but holds no rows yet that depend on it. */
function standsOn({ dependencies, kind }: TocEntry, ids: ReadonlySet<number>): boolean {
  return kind !== 'MATERIALIZED VIEW' && kind !== 'VIEW' && dependencies.some((id) => ids.has(id));
}
