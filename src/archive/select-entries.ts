import type { Definitions } from '../inventory/definitions.js';
import type { LeftOut } from '../plan/left-out.js';
import type { TocEntry } from '../postgres/archive/toc-entry.js';
import { shownName } from './table-name.js';

/** What is chosen of an archive, before it is known what that needs. */
export interface ChosenTables {
  /** The OIDs of all relations whose rows come, chunks included. */
  readonly relations: ReadonlySet<number>;
  /** Those of them that are chunks, or hold compressed rows: what is said of them is said of their hypertable. */
  readonly chunks: ReadonlySet<number>;
  /** The functions that TimescaleDB's catalog names. */
  readonly functions: readonly { readonly schema: string; readonly name: string }[];
  readonly extensions: readonly string[];
}

export interface SelectedEntries {
  readonly entries: readonly TocEntry[];
  readonly leftOut: readonly LeftOut[];
  /** The foreign keys of chosen tables that are left out. */
  readonly foreignKeys: readonly TocEntry[];
}

/** The settings of each session. */
const OF_ALL = new Set(['ENCODING', 'STDSTRINGS', 'SEARCHPATH']);

/** What belongs to a table and without which it is another table. */
const STRUCTURE = new Set([
  ...['DEFAULT', 'SEQUENCE', 'SEQUENCE OWNED BY', 'INDEX', 'CONSTRAINT', 'CHECK CONSTRAINT', 'STATISTICS'],
  ...['ROW SECURITY', 'TABLE ATTACH', 'INDEX ATTACH'],
]);

/** What belongs to a table, and would act on tables that are not there. */
const ACTING = new Set(['FK CONSTRAINT', 'TRIGGER', 'RULE', 'POLICY']);

/** That of a partition names the index above it, and stands without: it is attached where both tables are chosen. */
const INDEXES = new Set(['INDEX', 'CONSTRAINT']);

/** A constraint whose index needs operators that may be an extension's: those of time ranges came with PostgreSQL 18. */
const BY_OPERATORS = / EXCLUDE USING | WITHOUT OVERLAPS\)/;

/**
 * Where the operators and classes of such a constraint come from, such as the extension btree_gist: those are
 * dependencies of its index, which an archive does not say, so that all of them come.
 */
const HOLDING_OPERATORS = new Set(['EXTENSION', 'OPERATOR', 'OPERATOR FAMILY', 'OPERATOR CLASS']);

const SAID_OF_ANOTHER = new Set(['COMMENT', 'ACL', 'SECURITY LABEL']);

const RELATIONS = new Set(['TABLE', 'VIEW', 'MATERIALIZED VIEW', 'FOREIGN TABLE']);

/** TimescaleDB makes it for the continuous aggregates of a hypertable, which are not chosen with it. */
const AGGREGATE_TRIGGER = / ts_cagg_invalidation_trigger$/;

/** The definitions of chosen tables, of all that belongs to them, and of all that either needs. */
export function selectEntries(
  entries: readonly TocEntry[],
  definitions: Definitions,
  chosen: ChosenTables,
): SelectedEntries {
  const selection = new Selection(entries, definitions, chosen);
  const leftOut: LeftOut[] = [];
  const foreignKeys: TocEntry[] = [];
  for (const entry of entries) if (selection.isRoot(entry)) selection.take(entry);
  // An attached index comes behind both indexes; a sequence before what owns it.
  for (const entry of entries)
    if (STRUCTURE.has(entry.kind) && selection.isOfChosen(entry)) selection.take(entry);
  for (const entry of entries) {
    if (!ACTING.has(entry.kind) || !selection.isOfChosen(entry) || AGGREGATE_TRIGGER.test(entry.tag))
      continue;
    const missing = selection.missingFor(entry);
    if (missing.length === 0) {
      selection.take(entry);
      continue;
    }
    if (entry.kind === 'FK CONSTRAINT') foreignKeys.push(entry);
    if (!selection.isOfChunk(entry)) leftOut.push(leftOutFor(entry, missing));
  }
  for (const entry of entries) if (SAID_OF_ANOTHER.has(entry.kind)) selection.takeIfSaidOfTaken(entry);
  return {
    entries: entries.filter(({ dumpId }) => selection.taken.has(dumpId)),
    leftOut: [...leftOut, ...selection.withoutRows().map(withoutRows)],
    foreignKeys,
  };
}

function leftOutFor(entry: TocEntry, missing: readonly TocEntry[]): LeftOut {
  const { kind, schema = '', tag, definition } = entry;
  return {
    object: `${kind} ${schema}.${tag}`,
    reason: `it needs ${missing.map(nameOf).join(', ')}, which ${missing.length === 1 ? 'was' : 'were'} not chosen (--only)`,
    sql: definition.trim(),
  };
}

function withoutRows({ kind, ...entry }: TocEntry): LeftOut {
  return {
    object: `rows of ${nameOf(entry)}`,
    reason: `only the definition of the ${kind.toLowerCase()} comes, which a chosen table needs (--only)`,
  };
}

function nameOf({ schema = '', tag }: Pick<TocEntry, 'schema' | 'tag'>): string {
  return shownName({ schema, name: tag });
}

/** What is taken so far, and what taking more would need. */
class Selection {
  readonly taken = new Set<number>();
  readonly #chosen: ChosenTables;
  readonly #definitions: Definitions;
  readonly #byId: ReadonlyMap<number, TocEntry>;
  readonly #schemas: ReadonlyMap<string, TocEntry>;
  readonly #operators: readonly TocEntry[];

  constructor(entries: readonly TocEntry[], definitions: Definitions, chosen: ChosenTables) {
    this.#chosen = chosen;
    this.#definitions = definitions;
    this.#byId = new Map(entries.map((entry) => [entry.dumpId, entry]));
    this.#schemas = new Map(
      entries.filter(({ kind }) => kind === 'SCHEMA').map((entry) => [entry.tag, entry]),
    );
    this.#operators = entries.filter(
      ({ kind, tag }) => HOLDING_OPERATORS.has(kind) && !(kind === 'EXTENSION' && tag === 'timescaledb'),
    );
  }

  /** Whether an entry is taken whatever else is. */
  isRoot(entry: TocEntry): boolean {
    const { kind, schema, tag } = entry;
    const { functions, extensions } = this.#chosen;
    if (kind === 'FUNCTION') {
      return functions.some((one) => one.schema === schema && tag.startsWith(`${one.name}(`));
    }
    return OF_ALL.has(kind) || this.#isChosen(entry) || (kind === 'EXTENSION' && extensions.includes(tag));
  }

  isOfChosen(entry: TocEntry): boolean {
    const { kind, dependencies } = entry;
    if (kind === 'INDEX ATTACH') return dependencies.every((id) => this.taken.has(id));
    const tables = this.#tablesOf(entry);
    if (kind === 'TABLE ATTACH') return tables.every((table) => this.#isChosen(table));
    const owner = this.#ownerOf(entry, tables);
    return owner !== undefined && this.#isChosen(owner);
  }

  isOfChunk(entry: TocEntry): boolean {
    const owner = this.#ownerOf(entry, this.#tablesOf(entry));
    return owner !== undefined && this.#chosen.chunks.has(owner.oid);
  }

  /** The relations without which an entry cannot be made, or has nothing to act on. */
  missingFor(entry: TocEntry): TocEntry[] {
    const isThere = (other: TocEntry): boolean =>
      entry.kind === 'FK CONSTRAINT' ? this.#isChosen(other) : this.taken.has(other.dumpId);
    return this.#withNeeds(entry).filter(
      (needed) => needed !== entry && RELATIONS.has(needed.kind) && !isThere(needed),
    );
  }

  take(entry: TocEntry): void {
    for (const { dumpId } of this.#withNeeds(entry)) this.taken.add(dumpId);
  }

  takeIfSaidOfTaken({ dumpId, dependencies: [first] }: TocEntry): void {
    if (first !== undefined && this.taken.has(first)) this.taken.add(dumpId);
  }

  /** Relations whose definition alone is taken. */
  withoutRows(): TocEntry[] {
    return [...this.#byId.values()].filter(
      (entry) =>
        (entry.kind === 'TABLE' || entry.kind === 'MATERIALIZED VIEW') &&
        this.taken.has(entry.dumpId) &&
        !this.#isChosen(entry),
    );
  }

  #isChosen({ kind, oid }: TocEntry): boolean {
    return kind === 'TABLE' && this.#chosen.relations.has(oid);
  }

  /** The table that an entry belongs to: by OID, or named in its tag, as `table name`; else the first that it needs. */
  #ownerOf({ kind, oid, schema, tag }: TocEntry, tables: readonly TocEntry[]): TocEntry | undefined {
    if (kind === 'INDEX') {
      const table = this.#definitions.tableOf.get(oid);
      return tables.find((other) => other.oid === table) ?? tables[0];
    }
    const isNamed = (table: TocEntry): boolean =>
      table.schema === schema && (tag === table.tag || tag.startsWith(`${table.tag} `));
    return tables.filter(isNamed).sort((a, b) => b.tag.length - a.tag.length)[0] ?? tables[0];
  }

  /** The tables that an entry needs itself; for the owner of a sequence, that of the sequence. */
  #tablesOf({ kind, dependencies }: TocEntry): TocEntry[] {
    const needed = dependencies.flatMap((id) => this.#byId.get(id) ?? []);
    if (kind === 'SEQUENCE OWNED BY') return needed.flatMap((sequence) => this.#tablesOf(sequence));
    return needed.filter((entry) => entry.kind === 'TABLE');
  }

  /** An entry, and all that it needs by however many steps. */
  #withNeeds(entry: TocEntry): TocEntry[] {
    const found = new Set([entry]);
    // A set takes in what is added while it is gone through.
    for (const one of found) for (const needed of this.#needsOf(one)) found.add(needed);
    return [...found];
  }

  #needsOf({ kind, definition, schema, dependencies }: TocEntry): TocEntry[] {
    const needed = dependencies.flatMap((id) => this.#byId.get(id) ?? []);
    const home = schema === undefined ? undefined : this.#schemas.get(schema);
    // One that is not an identity stands without its owner: another table may take its values.
    const isAlone = kind === 'SEQUENCE' && !/^ALTER TABLE /.test(definition);
    const isNeeded = (other: TocEntry): boolean =>
      !(isAlone && other.kind === 'TABLE') && !(INDEXES.has(kind) && INDEXES.has(other.kind));
    const operators = kind === 'CONSTRAINT' && BY_OPERATORS.test(definition) ? this.#operators : [];
    return [...needed.filter(isNeeded), ...(home ? [home] : []), ...operators];
  }
}
