import type { Event } from '../engine/events.js';
import type { Compression } from '../postgres/archive/archive-header.js';

/** What `dump` is asked to do. */
export interface DumpOptions {
  /** A connection URI or `key=value` string, as libpq takes it. */
  readonly source: string;
  /** The folder to make. It must not be there yet. */
  readonly out: string;
  /** `archive`: a directory archive of PostgreSQL; `plain`: `dump.sql` for psql. Default: archive. */
  readonly format?: 'archive' | 'plain' | undefined;
  /** Of the rows' files; the plain format takes none. Default: gzip at level 5. */
  readonly compression?: Compression | undefined;
  /** Workers at a time; by default as many as the machine has cores and the source has room for. */
  readonly jobs?: number | undefined;
  /** The folder of `pg_dump`; by default PATH and the usual places are searched. */
  readonly programs?: string | undefined;
  /** Put the stored forms of role passwords into `roles.sql` (needs a superuser). Default: no. */
  readonly rolePasswords?: boolean | undefined;
  /** Seconds to wait for background jobs of the source that run already. Default: 600. */
  readonly jobWait?: number | undefined;
  /** What is noted of rows, for a later comparison. Default: checksums. */
  readonly verify?: 'counts' | 'checksums' | undefined;
  /** Ids of findings that do not stop the dump, though they are blockers. */
  readonly skipChecks?: readonly string[] | undefined;
  /** Stops the dump. */
  readonly signal?: AbortSignal | undefined;
  /** Called with each event, in order. */
  readonly onEvent?: ((event: Event) => void) | undefined;
}

/** What a dump did. */
export interface DumpOutcome {
  /** `user@host:port/database`, without a password. */
  readonly source: string;
  /** The folder, as it was named. */
  readonly out: string;
  readonly format: 'archive' | 'plain';
  readonly timescaleVersion: string | undefined;
  readonly jobs: number;
  readonly tables: number;
  readonly hypertables: number;
  readonly chunks: number;
  readonly rows: number;
  /** Of all files, as they lie on disk. */
  readonly bytes: number;
  readonly seconds: number;
  readonly notices: readonly string[];
}
