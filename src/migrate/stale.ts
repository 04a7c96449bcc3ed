import type { DoneMark } from '../engine/done.js';
import type { Relation } from '../inventory/relations.js';
import { describeEntry } from '../plan/division.js';
import { partitionParents, partitionTrees } from '../plan/partition-trees.js';
import type { Plan } from '../plan/plan.js';
import { definitionOf } from '../plan/schema-statements.js';
import type { TocEntry } from '../postgres/archive/archive-toc.js';
import { quoteQualified } from '../postgres/quoting.js';
import { CONFIGURATION } from './configuration.js';
import { eventTriggerStatements } from './event-triggers.js';
import { type Standing, statementFingerprint } from './standing.js';

/** What an earlier attempt has left on the target. */
export interface Left {
  readonly done: readonly DoneMark[];
  /** What stands of it, by the counters of the source after the new snapshot. */
  readonly standing: Standing;
  /** Tables whose rows the target has lost, as SQL names them. */
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
export function findStale(plan: Plan, { done, standing, lost }: Left): Stale {
  const entries = markedEntries(plan);
  const byMark = new Map(entries.map(({ entry, mark }) => [mark, entry]));
  // What is not made yet goes without saying; what was made of another definition takes with it what depends on it.
  const others = new Set(done.filter(({ fingerprint }) => !byMark.has(fingerprint)).map(nameOf));
  // A sequence goes with the table that owns it on the target, which may have another name on the source now.
  const isOwnedByAnother = (entry: TocEntry): boolean =>
    entry.kind === 'SEQUENCE' && others.has(describeEntry({ ...entry, kind: 'SEQUENCE OWNED BY' }));
  const redefined = entries.filter(
    ({ entry, mark }) => (!standing.has(mark) && others.has(describeEntry(entry))) || isOwnedByAnother(entry),
  );
  const anew = withDependents(idsOf(redefined), entries);
  const staleRows = relationsWithStaleRows(plan, { done, standing, lost }, anew);
  const largeObjects = new Set(
    plan.source.largeObjects.map(({ oid }) => standing.largeObjectFingerprint(oid)),
  );
  const upon = uponRows(plan, entries, standing, staleRows.oids);

  const isStale = ({ object, relation, fingerprint }: DoneMark): boolean => {
    if (object === CONFIGURATION) return false; // which is replaced as a whole
    if (relation !== null) return staleRows.names.has(relation) || !staleRows.known.has(relation);
    const entry = byMark.get(fingerprint);
    if (!entry) return !largeObjects.has(fingerprint);
    return anew.has(entry.dumpId) || upon.has(entry.dumpId) || ACTING_ON_WHAT_IS_MADE.has(entry.kind);
  };
  const marks = done.filter(isStale);
  return {
    marks,
    again: [
      ...new Set(
        marks.filter(({ relation }) => relation !== null && staleRows.known.has(relation)).map(nameOf),
      ),
    ],
    changed: marks
      .filter(({ relation, fingerprint }) => relation === null && !byMark.has(fingerprint))
      .map(nameOf),
  };
}

/** They would act on what is made now. */
const ACTING_ON_WHAT_IS_MADE = new Set(['EVENT TRIGGER', 'DEFAULT ACL']);

/** All that the ledger has marks of, but rows and large objects. */
function markedEntries(plan: Plan): MarkedEntry[] {
  const { before, chunks, early, privileges, last } = plan.schema;
  const entries = [...before, ...chunks, ...early, ...postData(plan), ...privileges].map((entry) => ({
    entry,
    mark: statementFingerprint(definitionOf(entry, plan.tablespaces)),
  }));
  const lastMarks = eventTriggerStatements(plan).map(statementFingerprint);
  return [...entries, ...last.map((entry, index) => ({ entry, mark: lastMarks[index] ?? '' }))];
}

function postData({ schema }: Plan): TocEntry[] {
  const { indexes, after, validations, foreignKeys, hypertableKeys, comments } = schema;
  return [...indexes.values(), after, validations, foreignKeys, hypertableKeys, comments].flat();
}

/** What is checked against, computed from, or done upon rows as they come. */
const UPON_ROWS = new Set(['INDEX', 'INDEX ATTACH', 'CONSTRAINT', 'FK CONSTRAINT', 'TRIGGER', 'RULE']);

/**
 * The checks that `pg_dump` adds behind the rows: those that are NOT VALID, which may refuse rows that are there, and
 * those that call what depends on the table.
 */
function isCheckAfterRows({ kind, definition }: TocEntry): boolean {
  return kind === 'CHECK CONSTRAINT' || (kind === 'CONSTRAINT' && / NOT VALID;\s*$/.test(definition));
}

/** What was made upon the rows of tables that are to be copied, by the ids of their entries. */
function uponRows(
  plan: Plan,
  entries: readonly MarkedEntry[],
  standing: Standing,
  stale: ReadonlySet<number>,
): Set<number> {
  const copied = plan.source.relations.filter(
    (relation) => relation.kind !== 'partitioned' && (stale.has(relation.oid) || !standing.hasRows(relation)),
  );
  if (copied.length === 0) return new Set();
  const candidates = entries.filter(
    ({ entry }) => UPON_ROWS.has(entry.kind) || entry.kind === 'COMMENT' || entry.kind === 'SECURITY LABEL',
  );
  const upon = (tables: ReadonlySet<number>): Set<number> => {
    const ids = withDependents(tables, candidates);
    for (const id of tables) ids.delete(id);
    // What is said of a table itself stays.
    for (const { entry } of candidates) {
      if (!UPON_ROWS.has(entry.kind) && !entry.dependencies.some((id) => ids.has(id)))
        ids.delete(entry.dumpId);
    }
    return ids;
  };
  const tables = tableIds(plan, new Set(copied.map(({ oid }) => oid)));
  const isDone = (ids: ReadonlySet<number>): boolean =>
    entries.some(({ entry, mark }) => ids.has(entry.dumpId) && standing.has(mark));
  // A partition has the triggers of its parents, and an index of a parent's goes with those of all its partitions.
  const parents = partitionParents(plan.schema, tables);
  const trees = isDone(upon(parents)) ? partitionTrees(plan.schema, parents) : new Set<number>();
  // TimescaleDB gives a key to a hypertable a part for each chunk, of which the archive does not tell.
  const isOfHypertables = copied.some(({ kind }) => kind === 'chunk' || kind === 'hypertable');
  const keys = isOfHypertables ? plan.schema.hypertableKeys.map(({ dumpId }) => dumpId) : [];
  // They are checked for children and for columns of a domain as well: all go, whosever rows are copied again.
  const checks = withDependents(idsOf(entries.filter(({ entry }) => isCheckAfterRows(entry))), candidates);
  return new Set([...upon(new Set([...tables, ...trees])), ...keys, ...checks]);
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
  { done, standing, lost }: Left,
  anew: ReadonlySet<number>,
): { oids: Set<number>; names: Set<string>; known: Set<string> } {
  const { relations } = plan.source;
  const copied = new Map(
    done.flatMap((mark) => (mark.relation === null ? [] : [[mark.relation, mark] as const])),
  );
  const remade = new Set(
    [...plan.schema.before, ...plan.schema.chunks]
      .filter(({ dumpId, kind }) => kind === 'TABLE' && anew.has(dumpId))
      .map(({ oid }) => oid),
  );
  const isStale = (relation: Relation): boolean => {
    const mark = copied.get(quoteQualified(relation));
    if (!mark) return false;
    const isLost = (mark.rows ?? 0) > 0 && lost.has(quoteQualified(relation));
    return isLost || remade.has(relation.oid) || !standing.hasRows(relation);
  };
  const stale = relations.filter(isStale);
  // Rows that went through a partitioned table are in whichever partition took them.
  const through = new Set(
    stale.flatMap(({ loadThrough }) => (loadThrough ? [quoteQualified(loadThrough)] : [])),
  );
  const goThrough = relations.filter(
    ({ loadThrough }) => loadThrough && through.has(quoteQualified(loadThrough)),
  );
  const all = [...stale, ...goThrough];
  return {
    oids: new Set(all.map(({ oid }) => oid)),
    names: new Set(all.map(quoteQualified)),
    known: new Set(relations.map(quoteQualified)),
  };
}

function tableIds({ schema }: Plan, oids: ReadonlySet<number>): Set<number> {
  const tables = [...schema.before, ...schema.chunks].filter(
    ({ kind, oid }) => kind === 'TABLE' && oids.has(oid),
  );
  return new Set(tables.map(({ dumpId }) => dumpId));
}

function idsOf(entries: readonly MarkedEntry[]): Set<number> {
  return new Set(entries.map(({ entry }) => entry.dumpId));
}

function nameOf({ object }: DoneMark): string {
  return object;
}
