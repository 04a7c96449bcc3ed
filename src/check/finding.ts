import type { Inventory } from '../inventory/inventory.js';
import type { Compression } from '../postgres/archive/archive-header.js';
import type { TocEntry } from '../postgres/archive/toc-entry.js';
import type { ClientProgram } from '../postgres/client-programs.js';
import type { Connection } from '../postgres/connection-string.js';
import type { ErrorCode, HyperferryError } from '../postgres/error.js';
import type { Session } from '../postgres/session.js';
import type { Features } from '../timescale/features.js';
import type { FindingId } from './finding-ids.js';

/** Something that stands in the way of a migration, or that one should know before it. */
export interface Finding {
  readonly id: FindingId;
  /** A blocker stops the migration; a warning may spoil it; a note is what will be done about something. */
  readonly severity: 'blocker' | 'warning' | 'note';
  /** What was expected and what was found. */
  readonly found: string;
  /** The names of the objects that it is about, all of them. */
  readonly objects: readonly string[];
  /** Why it matters, in one sentence. */
  readonly why: string;
  /** A command or SQL to copy, or what Hyperferry does about it. */
  readonly mend: string;
  /** The code of the error that a blocker becomes in `migrate`. Default: `UNSUITABLE`. */
  readonly code?: ErrorCode;
}

/** One side as a check sees it. */
export interface CheckedSide {
  readonly inventory: Inventory;
  readonly connection: Connection;
  /** To ask what the inventory does not hold. Checks only read. */
  readonly session: Session;
}

/** What a check of a dump looks at. */
export interface DumpChecked {
  readonly source: CheckedSide;
  /** The `pg_dump` for the source, or why there is none. */
  readonly pgDump: ClientProgram | HyperferryError;
  readonly options: Pick<CheckOptions, 'jobs' | 'rolePasswords'>;
}

/** What a dump is written to, for the checks that look at that as well. */
export interface DumpInto {
  readonly out: string;
  readonly format: 'archive' | 'plain';
  /** Of the rows' files. */
  readonly compression: Compression;
}

/** What a check of a migration looks at. */
export interface Checked extends DumpChecked {
  readonly target: CheckedSide;
  readonly options: CheckOptions;
}

/** What a check of a restore looks at: of the source, what the dump knows. */
export interface RestoreChecked {
  readonly source: DumpedSource;
  readonly target: CheckedSide;
  readonly options: CheckOptions;
}

export interface DumpedSource {
  readonly inventory: Inventory;
  readonly features: Features;
  /** Of the database, as it lay on the source's disk. */
  readonly bytes: number;
  /** Whether all tables of the dump are restored; else those of others may have their rows by now. */
  readonly isWhole: boolean;
  /** Of the dump's table of contents. */
  readonly entries: readonly TocEntry[];
}

/** What the migration will be asked to do, as far as a check's answer depends on it. */
export interface CheckOptions {
  /** Workers at a time. */
  readonly jobs: number;
  readonly cleanTarget: boolean;
  /** Whether a run that did not finish is to be gone on with. */
  readonly resume: boolean;
  /** Whether grants are carried over. */
  readonly privileges: boolean;
  readonly rolePasswords: boolean;
  /** New owners by the names that they have on the source. */
  readonly roleMap: Readonly<Record<string, string>>;
  readonly updateSource: boolean;
  readonly updateTargetAfter: true | string | undefined;
}

export type Check<On = Checked> = (checked: On) => Promise<readonly Finding[]> | readonly Finding[];

const NAMES_SHOWN = 10;

/** At most ten names, and how many more there are. */
export function nameSome(objects: readonly string[]): string {
  const more = objects.length - NAMES_SHOWN;
  return objects.slice(0, NAMES_SHOWN).join(', ') + (more > 0 ? `, and ${more} more` : '');
}

/** Runs a query that names objects. */
export async function readNames(session: Session, query: string): Promise<string[]> {
  return (await session.query<{ name: string }>(query)).map(({ name }) => name);
}
