import type { Emit } from '../engine/events.js';
import type { Inventory } from '../inventory/inventory.js';
import type { SequenceValue } from '../inventory/sequences.js';
import type { LeftOut } from '../plan/left-out.js';
import type { Session } from '../postgres/session.js';
import type { DefinitionSums } from './noted-definitions.js';
import type { SideRecord } from './side-record.js';
import type { ObjectDifference, VerifyMode } from './verification.js';

/** One side as the caller of a comparison gives it. */
export interface SideAccess {
  /** How the side is named in the result; never with a password. */
  readonly name: string;
  /** Opens a session with the fixed state of `Session.open`. */
  open(): Promise<Session>;
  /** An exported snapshot to read; without one, the caller knows that nobody changes the database. */
  readonly snapshot?: string | undefined;
  /** As of the snapshot; read when it is not given. */
  readonly inventory?: Inventory | undefined;
  /** As they were soon after the snapshot; as they are when they are compared unless given. */
  readonly definitions?: Promise<DefinitionSums> | undefined;
}

/** What a target is compared with: a database, or what was noted of one. */
export type ComparedSource = SideAccess | SideRecord;

/** The rows of relations, or one kind of objects. */
export type ComparedArea = 'rows' | ObjectDifference['area'];

export interface CompareContext {
  readonly source: ComparedSource;
  readonly target: SideAccess;
  readonly mode: VerifyMode;
  /** Workers on each side. */
  readonly jobs: number;
  /** What a plan left out: differences that follow from it are shown as meant. */
  readonly leftOut?: readonly LeftOut[];
  /** Whether owners and grants were to be carried over; true unless said. */
  readonly owners?: boolean;
  readonly privileges?: boolean;
  /** The reason for a difference that the caller means; asked before anything else. */
  readonly explain?: (difference: ObjectDifference) => string | undefined;
  /** The values that the source's sequences had when they were copied; those that they have now unless given. */
  readonly sequenceValues?: readonly SequenceValue[];
  /** How many differing rows of a relation are shown; 10 unless said. */
  readonly examples?: number;
  /** A pattern of tables whose rows are compared; all unless given. Then definitions are not compared. */
  readonly tables?: string | undefined;
  /** What is compared; all unless given. */
  readonly areas?: ReadonlySet<ComparedArea> | undefined;
  readonly emit?: Emit;
  readonly signal?: AbortSignal | undefined;
}
