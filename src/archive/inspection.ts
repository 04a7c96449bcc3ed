import type { LeftOut } from '../plan/left-out.js';
import type { ArchiveVersion, Compression } from '../postgres/archive/archive-header.js';
import type { VerifyMode } from '../verify/verification.js';
import type { ComparedFiles } from './compare-files.js';

/** What is in a dump. Plain data: `JSON.stringify` gives the whole of it. */
export type Inspection = InspectedDump | InspectedArchive;

/** A dump that Hyperferry made, by its manifest. */
export interface InspectedDump {
  readonly madeBy: 'hyperferry';
  readonly path: string;
  /** Tells it from all other dumps. */
  readonly id: string;
  /** A directory archive of PostgreSQL, or SQL for psql. */
  readonly kind: 'archive' | 'plain';
  readonly source: {
    /** `user@host:port/database`, without a password. */
    readonly name: string;
    readonly database: string;
    /** As `SHOW server_version_num` gives it: 170011. */
    readonly serverVersion: number;
    readonly encoding: string;
    /** Of the database on the source's disk. */
    readonly bytes: number;
  };
  /** When the snapshot was taken, in ISO 8601. */
  readonly takenAt: string;
  /** Null for plain PostgreSQL. */
  readonly timescale: { readonly version: string; readonly schema: string } | null;
  readonly extensions: readonly {
    readonly name: string;
    readonly version: string;
    readonly schema: string;
  }[];
  readonly compression: { readonly algorithm: Compression['algorithm']; readonly level: number | null };
  /** What was noted of rows, which `verify` compares. */
  readonly noted: VerifyMode;
  readonly hypertables: readonly InspectedHypertable[];
  readonly continuousAggregates: readonly string[];
  /** Of the user's, without hypertables, chunks and partitioned tables: the rows of these are in their partitions. */
  readonly tables: readonly InspectedTable[];
  readonly largeObjects: number;
  readonly roles: readonly string[];
  /** Whether `roles.sql` holds the stored forms of passwords. */
  readonly rolePasswords: boolean;
  readonly leftOut: readonly LeftOut[];
  /** The files that the manifest names. */
  readonly files: { readonly count: number; readonly bytes: number };
  /** Where the files were compared with the manifest. */
  readonly comparison: FileProof | undefined;
}

export interface InspectedTable {
  readonly schema: string;
  readonly name: string;
  readonly rows: number;
  /** Of its files in the dump; null in a plain one, which has one file for all. */
  readonly bytes: number | null;
}

export interface InspectedHypertable extends InspectedTable {
  readonly chunks: number;
  /** Batches of compressed rows: each is a row of the dump, and up to a thousand rows of the hypertable. */
  readonly compressedBatches: number;
}

/** Whether all files are there, as large as they were written, and with the same SHA-256. */
export interface FileProof extends ComparedFiles {
  readonly intact: boolean;
  readonly seconds: number;
}

/** An archive of `pg_dump`, which tells less of itself. */
export interface InspectedArchive {
  readonly madeBy: 'pg_dump';
  readonly path: string;
  readonly format: 'custom' | 'directory';
  readonly archiveVersion: ArchiveVersion;
  readonly compression: Compression;
  /** `2026-11-23 09:30:47`, by the clock of the machine that wrote it: archives do not name the time zone. */
  readonly writtenAt: string;
  readonly database: string | undefined;
  /** As the server and the program say it: `17.6 (Debian 17.6-1)`. */
  readonly serverVersion: string | undefined;
  readonly programVersion: string | undefined;
  /** The extensions that it makes. Their versions do not stand in an archive. */
  readonly extensions: readonly { readonly name: string; readonly schema: string | null }[];
  /** Entries that are no data. */
  readonly definitions: number;
  /** The user's tables that have rows in it, chunks among them. How many rows does not stand in an archive. */
  readonly tables: readonly { readonly schema: string; readonly name: string }[];
  /** How many tables of extensions have rows in it. */
  readonly extensionTables: number;
  readonly hasLargeObjects: boolean;
  readonly files: { readonly count: number; readonly bytes: number };
}
