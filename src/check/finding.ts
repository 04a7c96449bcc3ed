import type { Inventory } from '../inventory/inventory.js';
import type { ErrorCode } from '../postgres/error.js';

/** Something that stands in the way of a migration, or that one should know before it. */
export interface Finding {
  /** Stable: scripts and `--skip-check` name it. */
  readonly id: string;
  readonly severity: 'blocker' | 'warning' | 'note';
  /** The code of the error that a blocker becomes. */
  readonly code: ErrorCode;
  /** What was expected and what was found. */
  readonly found: string;
  /** A command or SQL that mends it. */
  readonly mend: string;
}

/** What checks look at: both sides, and the target's own content. */
export interface Checked {
  readonly source: Inventory;
  readonly target: Inventory;
  readonly content: readonly { readonly kind: string; readonly name: string }[];
  readonly unfinishedRun:
    | { readonly source: string; readonly startedAt: string; readonly stage: string }
    | undefined;
  readonly targetIsRestoring: boolean;
  /** Tables and sequences of the source that the connecting role may not read. */
  readonly unreadable: readonly string[];
  /** Whether the connecting role may create schemas in the target. */
  readonly targetMayCreate: boolean;
  readonly jobs: number;
  readonly cleanTarget: boolean;
}

export type Check = (checked: Checked) => Finding[];
