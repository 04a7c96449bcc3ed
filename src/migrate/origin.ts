import type { ChangeCounters } from '../inventory/changes.js';
import type { Inventory } from '../inventory/inventory.js';
import type { QualifiedName, SequenceValue } from '../inventory/sequences.js';
import type { LeftOut } from '../plan/left-out.js';
import type { SchemaEntries } from '../plan/plan.js';
import type { Session } from '../postgres/session.js';
import type { JobStart } from '../timescale/jobs.js';
import type { ComparedSource } from '../verify/compare-context.js';
import type { ConfigurationRows } from './configuration-rows.js';
import type { Run } from './run.js';
import type { RowsSource } from './work/context.js';

/** What a run copies from: a database on a server, or a dump of one. */
export interface Origin {
  /** For people and for the ledger; never with a password. */
  readonly name: string;
  /** The connection string of the server, as it was given; a dump has none. */
  readonly url: string | undefined;
  /**
   * Reads both sides and runs the checks.
   * @param target on its way, so that the source can be connected to beside it
   * @throws HyperferryError for what stands in the way
   */
  clear(run: Run, target: Promise<Session>): Promise<ClearedOrigin>;
  /** Puts back what was held off on the source for the run. @returns what people should know of it */
  release(): Promise<string[]>;
}

/** An origin that nothing stands in the way of. */
export interface ClearedOrigin {
  /** Before anything is changed. */
  readonly target: Inventory;
  readonly jobs: number;
  /** The source's state of one moment, for one attempt. */
  takeSnapshot(): Promise<Snapshot>;
}

/** The source as of one moment, there for as long as the attempt goes on. */
export interface Snapshot {
  /** Tells the source from all others. */
  readonly identity: string;
  readonly inventory: Inventory;
  readonly schema: SchemaEntries;
  /** Read before the snapshot was taken. */
  readonly counters: ChangeCounters;
  /** The counters of now; where they do not tell, a notice says why, and no relation is as it was. */
  readChangesNow(earlierEpoch: string): Promise<ChangeCounters>;
  /** The stored forms of passwords by role. */
  readRolePasswords(): Promise<ReadonlyMap<string, string>>;
  readSequenceValues(names: readonly QualifiedName[]): Promise<readonly SequenceValue[]>;
  /** When background jobs would have run next. */
  readonly jobStarts: readonly JobStart[];
  /** @param target in the transaction that the rows go into */
  openConfiguration(target: Session): Promise<ConfigurationRows>;
  /** What the target is compared with. */
  readonly compared: ComparedSource;
  /** What cannot be brought, whatever the target is. */
  readonly leftOut: readonly LeftOut[];
  /** Where workers find rows. */
  readonly rows: RowsSource;
}

/** What of it the stages ask for: with the tasks in the ledger, the definitions of many chunks need no memory any more. */
export type HeldSnapshot = Pick<
  Snapshot,
  'readSequenceValues' | 'jobStarts' | 'openConfiguration' | 'compared'
>;
