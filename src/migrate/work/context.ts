import type { Mark, RowsMark } from '../../engine/done.js';
import type { Session } from '../../postgres/session.js';

/** What workers need besides their tasks: plain values, which the ledger keeps as JSON. */
export interface WorkerSettings {
  readonly rows: RowsSource;
  /** How many of them there are at a time, in all processes of the run. */
  readonly jobs: number;
  /** What CHECKs, generated columns and index expressions may leave names and times to. */
  readonly applicationDefaults: { readonly searchPath: string; readonly timeZone: string };
  /** Whether triggers and foreign keys stand before the rows. */
  readonly intoDefinitions?: boolean;
}

/** Where rows and large objects are. */
export type RowsSource = ServerRows | DumpRows;

export interface ServerRows {
  readonly kind: 'server';
  /** For a worker that is not told: without a password. */
  readonly connection: string;
  readonly snapshot: string;
  /** Whether the source stores compressed values that cannot be read back. */
  readonly storesNullAsUnreadableValue: boolean;
}

/** The files of a dump, on this machine. */
export interface DumpRows {
  readonly kind: 'dump';
  /** The archive's folder or file, absolute. */
  readonly path: string;
  /** Whether compressed values that cannot be read back are among the rows, as `pg_dump` has written them. */
  readonly holdsUnreadableNulls?: boolean;
}

/** A worker's connections: what it reads from one it writes to the other. */
export interface WorkerSessions {
  readonly target: Session;
  /** Opens it for the first task that needs it. */
  openSource(): Promise<Session>;
}

/** What a task has brought: marks for the ledger. */
export interface Brought {
  readonly rows: readonly RowsMark[];
  readonly objects: readonly Mark[];
  /** What people should know of it. */
  readonly notices: readonly string[];
}
