import type { Event } from '../engine/events.js';

/** What every run is asked, whatever it copies from. */
export interface RunOptions {
  /** A connection URI or `key=value` string, as libpq takes it. */
  readonly target: string;
  /** Workers at a time; by default as many as the machine has cores and both servers have room for. */
  readonly jobs?: number | undefined;
  /** Processes of this machine that the workers are spread over, at most one a worker. Default: 1, the calling one. */
  readonly processes?: number | undefined;
  /** Carry the stored forms of role passwords over (needs a superuser on the source). Default: no. */
  readonly rolePasswords?: boolean | undefined;
  /** Carry owners over. Default: yes. */
  readonly owners?: boolean | undefined;
  /** Carry grants over. Default: yes. */
  readonly privileges?: boolean | undefined;
  /** Drop all that is in the target database first. Default: no. */
  readonly cleanTarget?: boolean | undefined;
  /** Update the target's TimescaleDB at the end: to its newest version, or to the one named. */
  readonly updateTargetAfter?: true | string | undefined;
  /** How much of both sides is compared before background jobs may change the target. Default: checksums. */
  readonly verify?: 'none' | 'counts' | 'checksums' | undefined;
  /** New owners by the names that they have on the source. */
  readonly roleMap?: Readonly<Record<string, string>> | undefined;
  /** Ids of findings that do not stop the run, though they are blockers. */
  readonly skipChecks?: readonly string[] | undefined;
  /** Go on with a run that did not finish on this target. Default: no. */
  readonly resume?: boolean | undefined;
  /** What a relation that is rewritten on the source during the copy does. Default: stop the run. */
  readonly onRewrite?: 'stop' | 'retry' | undefined;
  /** Keep the ledger in the target's schema `_hyperferry` when all is done. Default: no. */
  readonly keepLedger?: boolean | undefined;
  /** Stops the run. */
  readonly signal?: AbortSignal | undefined;
  /** Called with each event, in order. */
  readonly onEvent?: ((event: Event) => void) | undefined;
}

/** What of an origin a run brings, where not all. */
export interface Parts {
  /** Some tables and what belongs to them: names in one form and order. */
  readonly only?: readonly string[] | undefined;
  /** All but rows, values of sequences and large objects; or these alone, into definitions that stand. */
  readonly content?: 'definitions' | 'rows' | undefined;
}

/** What `migrate` is asked to do. */
export interface MigrateOptions extends RunOptions {
  /** A connection URI or `key=value` string, as libpq takes it. */
  readonly source: string;
  /** The folder of `pg_dump`; by default PATH and the usual places are searched. */
  readonly programs?: string | undefined;
  /** Seconds to wait for background jobs of the source that run already. Default: 600. */
  readonly jobWait?: number | undefined;
  /** Update the source's TimescaleDB when only that leads to a version that the target has. Default: no. */
  readonly updateSource?: boolean | undefined;
}
