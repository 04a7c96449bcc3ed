import { DATA_CHECKS, RESTORE_CHECKS, runChecks } from '../check/check.js';
import { nameSome } from '../check/finding.js';
import { fingerprint } from '../engine/done.js';
import type { ChangeCounters } from '../inventory/changes.js';
import { type Inventory, readInventory } from '../inventory/inventory.js';
import type { QualifiedName, SequenceValue } from '../inventory/sequences.js';
import type { Parts, RunOptions } from '../migrate/options.js';
import type { ClearedOrigin, Origin, Snapshot } from '../migrate/origin.js';
import { defaultJobs, noteWarnings, refuseBlockers } from '../migrate/preflight.js';
import type { Run } from '../migrate/run.js';
import type { LeftOut } from '../plan/left-out.js';
import type { Archive } from '../postgres/archive/open-archive.js';
import { quotedNameOf, type TocEntry } from '../postgres/archive/toc-entry.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import { forcedRefresh } from '../timescale/timescale.js';
import type { DumpRecord } from './dump-record.js';
import { isOfLargeObject } from './entry-kinds.js';
import type { SelectedTables } from './select-tables.js';
import { stageConfiguration } from './staged-configuration.js';
import { noticesOfParts } from './stock-parts.js';
import { shownName } from './table-name.js';

/** A dump as a run copies from it. */
export interface RestoredDump {
  /** For people and for the ledger. */
  readonly name: string;
  /** Tells this dump from all others. */
  readonly identity: string;
  readonly archive: Archive;
  readonly record: DumpRecord;
  /** Of the database, as it lay on the source's disk. */
  readonly bytes: number;
  /** Made by `pg_dump`, which notes nothing that its result could be compared with. */
  readonly isStock: boolean;
  /** Where only some of its tables are restored; archive and record are narrowed to them. */
  readonly selection?: SelectedTables | undefined;
}

export function dumpOrigin(dump: RestoredDump): Origin {
  return {
    name: dump.name,
    url: undefined,
    clear: (run, target) => clear(dump, run, target),
    release: async () => [],
  };
}

async function clear(dump: RestoredDump, run: Run, opening: Promise<Session>): Promise<ClearedOrigin> {
  const { options } = run;
  const session = await opening;
  const target = await readInventory(session);
  const jobs = options.jobs ?? defaultJobs(target);
  const { side, features, rolePasswords } = dump.record;
  const findings = await runChecks(options.content === 'rows' ? DATA_CHECKS : RESTORE_CHECKS, {
    source: {
      inventory: side.inventory,
      features,
      bytes: dump.bytes,
      isWhole: !dump.selection,
      entries: dump.archive.entries,
    },
    target: { inventory: target, connection: run.target, session },
    options: { ...checkOptions(options, run), jobs },
  });
  refuseBlockers(findings, options.skipChecks ?? []);
  if (run.state.attempt === 0) {
    noteWarnings(findings, run.emit);
    for (const message of noticesOf(dump, options)) run.emit({ type: 'notice', message });
  }
  if (options.rolePasswords && rolePasswords.size === 0) {
    throw new HyperferryError('USAGE', `expected the passwords of roles in ${dump.name}, but it has none`, {
      hint: 'Dump again with --role-passwords, or leave it away and set new ones on the target.',
    });
  }
  return { target, jobs, takeSnapshot: async () => asSnapshot(dump, options) };
}

/** What people should know before anything is changed. */
function noticesOf(
  { name, isStock, selection, record, archive }: RestoredDump,
  { content }: Parts,
): string[] {
  const notices: string[] = [];
  if (isStock) {
    notices.push(
      `${name} was made by pg_dump, which notes no checksums: what comes of it is not compared with anything`,
      ...(selection ? [] : noticesOfParts(name, archive.entries)),
    );
  } else if (selection && content === 'definitions') {
    notices.push('definitions of some tables are not compared with those of the dump');
  }
  const filtered = isStock && content !== 'definitions' ? tablesWithFilters(archive.entries) : [];
  if (filtered.length > 0) {
    notices.push(
      `filters of compressed rows come as pg_dump has written them; over an enum they hide rows on another server, until they are made anew (SELECT compress_chunk(c, recompress => true) FROM show_chunks('…') AS c;): ${nameSome(filtered)}`,
    );
  }
  const { policies } = record.features;
  if (content === 'definitions' && policies.length > 0) {
    notices.push(
      `background jobs of the target may drop or change chunks before --data-only brings their rows: ${nameSome(policies)}. Hold them off: SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs WHERE job_id >= 1000;`,
    );
  }
  return notices;
}

/** Where enums are, whose hashes are those of OIDs: what a filter is over, an archive of `pg_dump` does not tell. */
function tablesWithFilters(entries: readonly TocEntry[]): string[] {
  const hasEnums = entries.some(({ kind, definition }) => kind === 'TYPE' && / AS ENUM \(/.test(definition));
  if (!hasEnums) return [];
  return entries
    .filter(({ kind, definition }) => kind === 'TABLE' && / _timescaledb_internal\.bloom1\b/.test(definition))
    .map(quotedNameOf);
}

function checkOptions(options: RunOptions, { isResumed }: Run) {
  return {
    cleanTarget: options.cleanTarget ?? false,
    resume: isResumed,
    privileges: options.privileges ?? true,
    rolePasswords: options.rolePasswords ?? false,
    roleMap: options.roleMap ?? {},
    updateSource: false,
    updateTargetAfter: options.updateTargetAfter,
  };
}

function asSnapshot(
  { identity, archive, record, selection, isStock }: RestoredDump,
  { content }: Parts,
): Snapshot {
  // What was dumped does not change.
  const counters: ChangeCounters = { of: () => identity, largeObjects: identity, epoch: identity };
  const { side, plainChunks, rolePasswords, sequenceValues, jobStarts } = record;
  return {
    identity,
    inventory:
      content === 'definitions' ? withoutRows(side.inventory) : withRows(side.inventory, archive.entries),
    schema: { entries: archive.entries.filter(isDefinition), plainChunks },
    counters,
    readChangesNow: async () => counters,
    readRolePasswords: async () => rolePasswords,
    readSequenceValues: async (names) => valuesOf(names, sequenceValues),
    jobStarts,
    openConfiguration: (target) =>
      stageConfiguration(target, archive, fingerprint('configuration', identity), selection?.catalog),
    compared: side,
    leftOut:
      content === 'rows'
        ? (selection?.aggregates ?? []).map((one) => rowsOfAggregate(one, side.inventory.timescale?.version))
        : record.leftOut,
    rows: {
      kind: 'dump',
      path: archive.path,
      holdsUnreadableNulls: isStock && (side.inventory.timescale?.storesNullAsUnreadableValue ?? false),
    },
  };
}

/** The watermark, which is of the definitions, says that it is filled: a refresh has nothing to do, unless forced. */
function rowsOfAggregate(aggregate: QualifiedName, version = ''): LeftOut {
  return {
    object: `rows of continuous aggregate ${shownName(aggregate)}`,
    reason: 'only tables and hypertables can be chosen (--only); until it is refreshed by force, it is empty',
    sql: forcedRefresh(version, aggregate),
  };
}

/** What `pg_dump --schema-only` leaves away. */
function withoutRows(inventory: Inventory): Inventory {
  return { ...inventory, sequences: [], largeObjects: [], populatedViews: new Set() };
}

/** The relations, each with the entry of its rows. One file is one reading, so that none is cut into ranges of pages. */
function withRows(inventory: Inventory, entries: readonly TocEntry[]): Inventory {
  const rows = new Map(
    entries.filter(({ kind }) => kind === 'TABLE DATA').map((entry) => [quotedNameOf(entry), entry.dumpId]),
  );
  return {
    ...inventory,
    relations: inventory.relations.map((relation) => {
      const dumpId = rows.get(quoteQualified(relation));
      return dumpId === undefined ? relation : { ...relation, dumpId, pages: 1 };
    }),
  };
}

/**
 * The engine itself brings rows, values of sequences, large objects with all that is said of them, and fills views. It
 * analyzes as well: the statistics in an archive of pg_dump 18 call functions that older servers lack.
 */
function isDefinition({ kind, section, tag }: TocEntry): boolean {
  const isLargeObject = kind === 'BLOB' || kind === 'BLOB METADATA';
  return (
    section !== 'data' &&
    kind !== 'MATERIALIZED VIEW DATA' &&
    kind !== 'STATISTICS DATA' &&
    !isLargeObject &&
    !isOfLargeObject({ kind, tag })
  );
}

function valuesOf(
  names: readonly QualifiedName[],
  values: readonly SequenceValue[],
): readonly SequenceValue[] {
  const wanted = new Set(names.map(quoteQualified));
  return values.filter((value) => wanted.has(quoteQualified(value)));
}
