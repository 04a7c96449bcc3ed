import type { DoneMark } from '../engine/done.js';
import { describeEntry } from '../plan/division.js';
import type { Plan } from '../plan/plan.js';
import { definitionOf } from '../plan/schema-statements.js';
import type { TocEntry } from '../postgres/archive-toc.js';
import { CONFIGURATION } from './configuration.js';
import { eventTriggerStatements } from './event-triggers.js';
import { type Standing, statementFingerprint } from './standing.js';

/** What an earlier attempt has left on the target. */
export interface Left {
  readonly done: readonly DoneMark[];
  /** What stands of it, by the counters of the source after the new snapshot. */
  readonly standing: Standing;
  /** Names of objects that the target does not get. */
  readonly leftOut: ReadonlySet<string>;
  /** Names of tables whose rows the target has lost. */
  readonly lost: ReadonlySet<string>;
}

export interface Stale {
  readonly marks: readonly DoneMark[];
  /** Relations that are to be copied again. */
  readonly again: readonly string[];
  /** Objects that the source has no more, or has another definition of. */
  readonly changed: readonly string[];
}

interface MarkedEntry {
  readonly entry: TocEntry;
  readonly mark: string;
}

/**
 * Finds what stands on the target and is not what the new snapshot has: definitions that are gone or are others, rows
 * that have changed, and all that was made upon either, since it goes with it or keeps it from going.
 */
export function findStale(plan: Plan, { done, standing, leftOut, lost }: Left): Stale {
  const entries = markedEntries(plan);
  const byMark = new Map(entries.map(({ entry, mark }) => [mark, entry]));
  const missing = entries.filter(
    ({ entry, mark }) => !standing.has(mark) && !leftOut.has(describeEntry(entry)),
  );
  const anew = withDependents(idsOf(missing), entries);
  const staleRows = relationsWithStaleRows(plan, { done, standing, lost }, anew);
  const largeObjects = new Set(
    plan.source.largeObjects.map(({ oid }) => standing.largeObjectFingerprint(oid)),
  );
  const emptied = tableIds(plan, staleRows.oids);
  const upon = withDependents(emptied, afterRows(plan, entries));
  for (const id of emptied) upon.delete(id);

  const isStale = ({ object, kind, fingerprint }: DoneMark): boolean => {
    if (object === CONFIGURATION) return false; // which is replaced as a whole
    if (kind !== null) return staleRows.names.has(object) || !staleRows.known.has(object);
    const entry = byMark.get(fingerprint);
    if (!entry) return !largeObjects.has(fingerprint);
    // An event trigger would act on what is made now.
    return anew.has(entry.dumpId) || upon.has(entry.dumpId) || entry.kind === 'EVENT TRIGGER';
  };
  const marks = done.filter(isStale);
  return {
    marks,
    again: marks.filter(({ kind, object }) => kind !== null && staleRows.known.has(object)).map(nameOf),
    changed: marks.filter(({ kind, fingerprint }) => kind === null && !byMark.has(fingerprint)).map(nameOf),
  };
}

/** All that the ledger has marks of, but rows and large objects. */
function markedEntries(plan: Plan): MarkedEntry[] {
  const { before, early, last } = plan.schema;
  const entries = [...before, ...early, ...postData(plan)].map((entry) => ({
    entry,
    mark: statementFingerprint(definitionOf(entry, plan.tablespaces)),
  }));
  const lastMarks = eventTriggerStatements(plan).map(statementFingerprint);
  return [...entries, ...last.map((entry, index) => ({ entry, mark: lastMarks[index] ?? '' }))];
}

function postData({ schema }: Plan): TocEntry[] {
  const { indexes, after, foreignKeys, hypertableKeys, comments } = schema;
  return [...indexes.values(), after, foreignKeys, hypertableKeys, comments].flat();
}

/** What may stand upon rows. Views are made after them for other reasons, and hold none that must be copied. */
function afterRows(plan: Plan, entries: readonly MarkedEntry[]): MarkedEntry[] {
  const ids = new Set(postData(plan).map(({ dumpId }) => dumpId));
  return entries.filter(({ entry }) => ids.has(entry.dumpId) && !/VIEW$/.test(entry.kind));
}

/** @returns the ids of entries and of all that depend on them, by however many steps */
function withDependents(begin: ReadonlySet<number>, entries: readonly MarkedEntry[]): Set<number> {
  const ids = new Set(begin);
  // Until nothing is added: an entry may come before one that it depends on.
  for (let size = -1; size !== ids.size; ) {
    size = ids.size;
    for (const { entry } of entries) {
      if (entry.dependencies.some((id) => ids.has(id))) ids.add(entry.dumpId);
    }
  }
  return ids;
}

/** Of the relations that the source has, those whose rows on the target are not its rows. */
function relationsWithStaleRows(
  plan: Plan,
  { done, standing, lost }: Omit<Left, 'leftOut'>,
  anew: ReadonlySet<number>,
): { oids: Set<number>; names: Set<string>; known: Set<string> } {
  const { relations } = plan.source;
  const copied = new Map(done.filter(({ kind }) => kind !== null).map((mark) => [mark.object, mark]));
  const remade = new Set(
    plan.schema.before
      .filter(({ dumpId, kind }) => kind === 'TABLE' && anew.has(dumpId))
      .map(({ oid }) => oid),
  );
  const stale = relations.filter((relation) => {
    const mark = copied.get(qualified(relation));
    if (!mark) return false;
    const isLost = (mark.rows ?? 0) > 0 && lost.has(mark.object);
    return isLost || remade.has(relation.oid) || !standing.hasRows(relation);
  });
  // Rows that went through a partitioned table are in whichever partition took them.
  const through = new Set(stale.flatMap(({ loadThrough }) => (loadThrough ? [qualified(loadThrough)] : [])));
  const all = relations.filter(
    (relation) =>
      stale.includes(relation) || (relation.loadThrough && through.has(qualified(relation.loadThrough))),
  );
  return {
    oids: new Set(all.map(({ oid }) => oid)),
    names: new Set(all.map(qualified)),
    known: new Set(relations.map(qualified)),
  };
}

function tableIds({ schema }: Plan, oids: ReadonlySet<number>): Set<number> {
  const tables = schema.before.filter(({ kind, oid }) => kind === 'TABLE' && oids.has(oid));
  return new Set(tables.map(({ dumpId }) => dumpId));
}

function idsOf(entries: readonly MarkedEntry[]): Set<number> {
  return new Set(entries.map(({ entry }) => entry.dumpId));
}

function qualified({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${schema}.${name}`;
}

function nameOf({ object }: DoneMark): string {
  return object;
}
