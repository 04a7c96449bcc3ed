/**
 * What kind of failure an error is. Stable: scripts may match on it.
 *
 * - `USAGE`: the command line or an option is wrong.
 * - `CONNECT`: a server cannot be reached or refuses the login.
 * - `CONNECTION_LOST`: a connection ended in the middle, and did not come back.
 * - `SAME_DATABASE`: source and target are one database.
 * - `UNSUITABLE`: a server cannot play its part (a replica, a pooler, missing extension or version, …).
 * - `TARGET_NOT_EMPTY`: the target holds objects of its own, or a run that did not finish.
 * - `NO_RUN`: the target holds no run to look at, to help, or to remove.
 * - `UNFINISHED`: a run that could be gone on with would be lost.
 * - `NOTHING_TO_RESUME`: the target holds no run that could be gone on with.
 * - `TARGET_BUSY`: another run is at work on the target.
 * - `ROOM`: locks, connections or space do not suffice.
 * - `PRIVILEGE`: the connecting role may not do what the run needs.
 * - `CLIENT_PROGRAM`: `pg_dump`, or a program that compresses, is missing, too old, or failed.
 * - `ARCHIVE`: a file of a dump cannot be read or written, or is damaged.
 * - `SOURCE_CHANGED`: a relation was rewritten or dropped on the source after the snapshot.
 * - `SOURCE_REDEFINED`: definitions on the source changed between two attempts in a way that cannot be followed.
 * - `SNAPSHOT_LOST`: the session that held the snapshot of the source is gone.
 * - `STOPPED`: the run was stopped by another of its workers, or another attempt goes on with it.
 * - `STATEMENT`: the target refused a statement.
 * - `COPY`: rows could not be carried over.
 * - `DIFFERENT`: source and target are not equal after the copy.
 * - `INTERRUPTED`: the user or the system asked to stop.
 * - `INTERNAL`: a defect of Hyperferry.
 */
export type ErrorCode =
  | 'USAGE'
  | 'CONNECT'
  | 'CONNECTION_LOST'
  | 'SAME_DATABASE'
  | 'UNSUITABLE'
  | 'TARGET_NOT_EMPTY'
  | 'NO_RUN'
  | 'UNFINISHED'
  | 'NOTHING_TO_RESUME'
  | 'TARGET_BUSY'
  | 'ROOM'
  | 'PRIVILEGE'
  | 'CLIENT_PROGRAM'
  | 'ARCHIVE'
  | 'SOURCE_CHANGED'
  | 'SOURCE_REDEFINED'
  | 'SNAPSHOT_LOST'
  | 'STOPPED'
  | 'STATEMENT'
  | 'COPY'
  | 'DIFFERENT'
  | 'INTERRUPTED'
  | 'INTERNAL';

/** The one error class of Hyperferry: what was expected and what came, and the next thing to do. */
export class HyperferryError extends Error {
  override readonly name = 'HyperferryError';
  readonly code: ErrorCode;
  /** What to do next: a command, an SQL statement, or a sentence. */
  readonly hint: string | undefined;
  /** Whether another attempt at the same would end in the same way. */
  readonly isFinal: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string | undefined; cause?: unknown; isFinal?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.isFinal = options.isFinal ?? false;
  }
}
