/** What stands at the beginning of an archive. */
export interface ArchiveHeader {
  readonly format: 'custom' | 'directory';
  /** PostgreSQL 12 to 15 write 1.14, PostgreSQL 16 writes 1.15, PostgreSQL 17 and 18 write 1.16. */
  readonly version: ArchiveVersion;
  readonly compression: Compression;
  readonly time: ArchiveTime;
  readonly database: string | undefined;
  /** As the server says it: `17.6 (Debian 17.6-1)`. */
  readonly serverVersion: string | undefined;
  /** The version of the program that wrote the archive. */
  readonly programVersion: string | undefined;
}

export type ArchiveVersion = '1.14' | '1.15' | '1.16';

export type CompressionAlgorithm = 'none' | 'gzip' | 'lz4' | 'zstd';

export interface Compression {
  readonly algorithm: CompressionAlgorithm;
  /** As pg_dump's `--compress` takes it. Archives name it only in format 1.14, where -1 stands for gzip's default. */
  readonly level?: number;
}

/** A wall clock's time at the machine that wrote the archive; archives do not name the time zone. */
export interface ArchiveTime {
  readonly year: number;
  /** 1 to 12 */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly daylightSaving: boolean;
}

/** A moment as the clock of this machine shows it. */
export function archiveTimeOf(moment: Date): ArchiveTime {
  const year = moment.getFullYear();
  // The offset is what must be added to get to UTC, so that it is smaller while clocks are put forward.
  const standardOffset = Math.max(
    new Date(year, 0, 1).getTimezoneOffset(),
    new Date(year, 6, 1).getTimezoneOffset(),
  );
  return {
    year,
    month: moment.getMonth() + 1,
    day: moment.getDate(),
    hour: moment.getHours(),
    minute: moment.getMinutes(),
    second: moment.getSeconds(),
    daylightSaving: moment.getTimezoneOffset() < standardOffset,
  };
}
