import type { Collation } from '../inventory/collation.js';
import type { ServerSnapshot } from '../migrate/server-snapshot.js';
import { divideArchive } from '../plan/division.js';
import { type ArchiveVersion, archiveTimeOf, type Compression } from '../postgres/archive/archive-header.js';
import type { WrittenFile } from '../postgres/archive/data-file.js';
import type { TocEntry } from '../postgres/archive/toc-entry.js';
import { writeArchiveToc } from '../postgres/archive/write-toc.js';
import type { DumpContents } from './dump-entries.js';
import type { DumpFolder } from './dump-folder.js';
import type { DumpRecord } from './dump-record.js';
import type { Manifest } from './manifest.js';
import { backgroundJobsScript, databaseScript, missingValuesScript, rolesScript } from './psql-scripts.js';
import { BACKGROUND_JOBS, LISTS, MISSING_VALUES, type ReadmeSubject, readme } from './readme.js';
import { RECORD_FILE, writeRecord } from './record-file.js';

/** All that the files beside the rows are made of. */
export interface DumpedDatabase {
  /** `user@host:port/database`, without a password. */
  readonly name: string;
  readonly snapshot: ServerSnapshot;
  readonly contents: DumpContents;
  readonly compression: Compression;
  readonly record: DumpRecord;
  readonly takenAt: Date;
  readonly databaseBytes: number;
  readonly collation: Collation;
  /** Whether `roles.sql` holds the stored forms of passwords. */
  readonly rolePasswords: boolean;
}

export async function writeDefinitions(folder: DumpFolder, dumped: DumpedDatabase): Promise<WrittenFile[]> {
  const { snapshot, contents, compression, record, takenAt } = dumped;
  const { inventory, header } = snapshot;
  const list = (entries: DumpContents['entries']): string =>
    entries.map(({ dumpId }) => `${dumpId};\n`).join('');
  const [first, last] = [schemasOfExtensions(dumped), afterRestoreMode(dumped)];
  const inRestoreMode = contents.entries.filter((entry) => !first.includes(entry) && !last.includes(entry));
  return [
    await folder.write(
      'toc.dat',
      writeArchiveToc(
        {
          ...header,
          format: 'directory',
          version: versionFor(compression, header.version),
          compression,
          time: archiveTimeOf(takenAt),
        },
        contents.entries,
      ),
    ),
    await folder.write('roles.sql', rolesScript(inventory, record.rolePasswords)),
    await folder.write('database.sql', databaseScript(inventory)),
    ...(inventory.missingValues.length === 0
      ? []
      : [await folder.write(MISSING_VALUES, missingValuesScript(inventory.missingValues))]),
    ...(hasBackgroundJobs(dumped)
      ? [await folder.write(BACKGROUND_JOBS, backgroundJobsScript(record.jobStarts, inventory))]
      : []),
    await folder.write(LISTS.inRestoreMode, list(inRestoreMode)),
    await folder.write(LISTS.afterRestoreMode, list(last)),
    await folder.write(RECORD_FILE, await writeRecord(record)),
    await folder.write('README.txt', readme(readmeOf(dumped, 'archive'))),
  ];
}

export function readmeOf(dumped: DumpedDatabase, kind: Manifest['kind']): ReadmeSubject {
  const { name, snapshot, takenAt, compression, collation } = dumped;
  return {
    kind,
    source: snapshot.inventory,
    name,
    takenAt: takenAt.toISOString(),
    compression,
    archiveVersion: versionFor(compression, snapshot.header.version),
    collation,
    tablespaces: [...new Set(dumped.contents.entries.flatMap(({ tablespace }) => tablespace ?? []))].sort(),
    schemas: schemasOfExtensions(dumped),
    afterRestoreMode: afterRestoreMode(dumped),
    hasBackgroundJobs: hasBackgroundJobs(dumped),
  };
}

function hasBackgroundJobs({ record, snapshot: { inventory } }: DumpedDatabase): boolean {
  return record.jobStarts.length + inventory.ownJobs.length > 0;
}

/** Every database has the schema `public`. */
function schemasOfExtensions({ contents, snapshot: { inventory } }: DumpedDatabase): readonly TocEntry[] {
  const holding = new Set(inventory.extensions.map(({ schema }) => schema));
  return contents.entries.filter(
    ({ kind, tag }) => kind === 'SCHEMA' && tag !== 'public' && holding.has(tag),
  );
}

/**
 * What TimescaleDB's hooks are needed for: a foreign key to a hypertable sees no rows while they are off, and a view that
 * reads compressed rows neither. Views come first, so that a script which ends at one can be run again. Event triggers
 * would act on those, and come behind.
 */
function afterRestoreMode({
  contents,
  snapshot: { schema, inventory },
}: DumpedDatabase): readonly TocEntry[] {
  const { hypertableKeys, last } = divideArchive(schema.entries, inventory, schema.plainChunks);
  const filling = contents.entries.filter(({ kind }) => kind === 'MATERIALIZED VIEW DATA');
  return [...filling, ...hypertableKeys, ...last];
}

/** Archives name lz4 and zstd from format 1.15 on. */
function versionFor({ algorithm }: Compression, version: ArchiveVersion): ArchiveVersion {
  return version === '1.14' && (algorithm === 'lz4' || algorithm === 'zstd') ? '1.15' : version;
}
