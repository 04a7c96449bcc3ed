import { type Collation, databaseCreation } from '../inventory/collation.js';
import type { Inventory } from '../inventory/inventory.js';
import type { ArchiveVersion, Compression } from '../postgres/archive/archive-header.js';
import type { TocEntry } from '../postgres/archive/toc-entry.js';
import { quoteForShell, quoteIdentifier, quoteLiteral } from '../postgres/quoting.js';

/** What a dump's README.txt is about. */
export interface ReadmeSubject {
  readonly kind: 'archive' | 'plain';
  readonly source: Inventory;
  /** `user@host:port/database`. */
  readonly name: string;
  readonly takenAt: string;
  readonly compression: Compression;
  /** Of the format in which `toc.dat` is written. */
  readonly archiveVersion: ArchiveVersion;
  readonly collation: Collation;
  /** Those that objects are in. */
  readonly tablespaces: readonly string[];
  /** Schemas that hold extensions, and so are made before all else. */
  readonly schemas: readonly TocEntry[];
  /** Entries that wait until restore mode has ended. */
  readonly afterRestoreMode: readonly TocEntry[];
  /** Whether there are jobs that TimescaleDB runs. */
  readonly hasBackgroundJobs: boolean;
}

/** Lists of entries for `pg_restore -L`, in the folder. */
export const LISTS = { inRestoreMode: 'in-restore-mode.list', afterRestoreMode: 'after-restore-mode.list' };

/** Scripts of statements, in the folder where there are any. */
export const MISSING_VALUES = 'missing-values.sql';
export const BACKGROUND_JOBS = 'background-jobs.sql';

interface Step {
  readonly title: string;
  readonly commands: readonly string[];
}

/** The exact commands that restore this dump without Hyperferry. */
export function readme(subject: ReadmeSubject): string {
  const { source, name, takenAt, compression, collation, kind } = subject;
  const { timescale, server } = source;
  const major = Math.floor(server.version / 10_000);
  const steps = [
    ...tablespacesToMake(subject),
    ...preparing(subject),
    ...(kind === 'plain' ? bySql(subject) : byArchive(subject)),
    FINISHING,
  ];
  const hyperferry = `By Hyperferry, which checks both, restores all of this in parallel and proves the result equal:

    hyperferry restore --from . --target "$TARGET"

`;
  return `A dump of ${oneLine(name)}, made by Hyperferry
${'='.repeat(40)}

taken            ${takenAt}
PostgreSQL       ${major}.${server.version % 10_000}
TimescaleDB      ${timescale ? `${timescale.version}, in the schema ${oneLine(timescale.schema)}` : 'none'}
compression      ${compression.algorithm}${compression.level === undefined ? '' : `, level ${compression.level}`}

${kind === 'plain' ? '' : hyperferry}By PostgreSQL's own programs, in this folder and as a superuser, into an empty database on a server of PostgreSQL ${Math.max(major, oldestServer(subject))}
or newer. ${programs(subject)}TARGET is its connection string. Of the source's encoding and collation is one that was made so:

    ${databaseCreation(identifier(server.database), server.encoding, collation, server.version)}

${steps.map(({ title, commands }, at) => `${at + 1}. ${title}\n\n${commands.map((command) => `    ${command}`).join('\n')}`).join('\n\n')}

Each command must end without an error. manifest.json says how many rows each table has, and the size and SHA-256 of each file.
"hyperferry inspect . --verify" compares the files with it, and "hyperferry verify --source . --target ..." a database.
`;
}

/** By the format of an archive, the first PostgreSQL whose `pg_restore` reads it. */
const FIRST_TO_READ: Record<ArchiveVersion, number> = { '1.14': 12, '1.15': 16, '1.16': 17 };

/** A `pg_restore` as new as this sets `transaction_timeout`, which older servers do not know. */
const FIRST_WITH_TRANSACTION_TIMEOUT = 17;

function oldestServer({ archiveVersion }: ReadmeSubject): number {
  const major = FIRST_TO_READ[archiveVersion];
  return major >= FIRST_WITH_TRANSACTION_TIMEOUT ? major : 0;
}

function programs({ kind, archiveVersion, compression: { algorithm } }: ReadmeSubject): string {
  if (kind === 'plain') return '';
  const built = algorithm === 'lz4' || algorithm === 'zstd' ? `, and built with ${algorithm}` : '';
  return `pg_restore must be of PostgreSQL ${FIRST_TO_READ[archiveVersion]} or newer${built}: the archive is of format ${archiveVersion}.\n`;
}

const PSQL = 'psql -X -v ON_ERROR_STOP=1 -d "$TARGET"';
const PG_RESTORE = 'pg_restore -d "$TARGET"';

function sql(statement: string): string {
  return `${PSQL} -c ${quoteForShell(statement)}`;
}

/** Where a tablespace lies is for the target's administrator to say. */
function tablespacesToMake({ kind, tablespaces }: ReadmeSubject): Step[] {
  if (tablespaces.length === 0) return [];
  const away =
    kind === 'plain'
      ? '.'
      : ', or add --no-tablespaces to each pg_restore below. A hypertable that is attached to one takes no new rows without it:\n   SELECT detach_tablespaces(…) at the end.';
  return [
    {
      title: `Tablespaces of the source. Make those that the target lacks, in folders of its own${away}`,
      commands: tablespaces.map((name) => `CREATE TABLESPACE ${identifier(name)} LOCATION '…';`),
    },
  ];
}

/** Roles, extensions and restore mode. */
function preparing({ source: { timescale, extensions, schemas: all }, schemas }: ReadmeSubject): Step[] {
  const others = extensions.filter(({ name }) => name !== 'timescaledb');
  return [
    {
      title:
        'Roles. Those that are there already keep their attributes and passwords; their settings (ALTER ROLE … SET) become those of\n   the source, and memberships are added.',
      commands: [`${PSQL} -f roles.sql`],
    },
    ...(all.includes('public')
      ? []
      : [
          {
            title: 'The schema public, which each new database has, and the source has not.',
            commands: [sql('DROP SCHEMA IF EXISTS public')],
          },
        ]),
    ...(schemas.length === 0
      ? []
      : [
          {
            title: 'Schemas that hold extensions.',
            commands: schemas.map(({ tag, owner = '' }) =>
              sql(`CREATE SCHEMA ${identifier(tag)} AUTHORIZATION ${identifier(owner)}`),
            ),
          },
        ]),
    ...(timescale
      ? [
          {
            title: `TimescaleDB ${timescale.version}, this version and no other, and restore mode. Each command is a session of its own.`,
            commands: [
              sql(
                `CREATE EXTENSION IF NOT EXISTS timescaledb WITH SCHEMA ${identifier(timescale.schema)} VERSION ${quoteLiteral(timescale.version)}`,
              ),
              sql(`SELECT ${identifier(timescale.schema)}.timescaledb_pre_restore()`),
            ],
          },
        ]
      : []),
    ...(others.length === 0
      ? []
      : [
          {
            title: 'Other extensions.',
            commands: others.map(({ name, schema }) =>
              sql(`CREATE EXTENSION IF NOT EXISTS ${identifier(name)} WITH SCHEMA ${identifier(schema)}`),
            ),
          },
        ]),
  ];
}

/** TimescaleDB's own tables: `pg_restore -j` keeps no order, and they must be there before the rows of chunks. */
const CATALOGS = ['_timescaledb_catalog', '_timescaledb_config'];

function byArchive(subject: ReadmeSubject): Step[] {
  const { source, afterRestoreMode, hasBackgroundJobs } = subject;
  const { timescale } = source;
  const only = CATALOGS.map((schema) => `-n ${schema}`).join(' ');
  const others = CATALOGS.map((schema) => `-N ${schema}`).join(' ');
  return [
    { title: 'Definitions.', commands: [`${PG_RESTORE} --section=pre-data -L ${LISTS.inRestoreMode} .`] },
    ...(timescale
      ? [
          {
            title: "TimescaleDB's catalog, before anything else and one after the other.",
            commands: [`${PG_RESTORE} --section=data ${only} .`],
          },
        ]
      : []),
    {
      title: 'Rows, several at a time.',
      commands: [`${PG_RESTORE} --section=data -j 4 ${timescale ? `${others} ` : ''}.`],
    },
    {
      title: 'Indexes, constraints and triggers, several at a time.',
      commands: [`${PG_RESTORE} --section=post-data -j 4 -L ${LISTS.inRestoreMode} .`],
    },
    ...missingValues(source),
    ...endOfRestoreMode(timescale, hasBackgroundJobs),
    ...(afterRestoreMode.length > 0
      ? [
          {
            title: lastTitle(subject),
            commands: [`${PG_RESTORE} --section=post-data -L ${LISTS.afterRestoreMode} .`],
          },
        ]
      : []),
  ];
}

function bySql(subject: ReadmeSubject): Step[] {
  const { source, afterRestoreMode, hasBackgroundJobs } = subject;
  const { timescale } = source;
  return [
    { title: 'Everything.', commands: [`${PSQL} -f dump.sql`] },
    ...missingValues(source),
    ...endOfRestoreMode(timescale, hasBackgroundJobs),
    ...(afterRestoreMode.length > 0
      ? [{ title: lastTitle(subject), commands: [`${PSQL} -f after-restore-mode.sql`] }]
      : []),
  ];
}

function lastTitle({ kind, source: { timescale }, afterRestoreMode }: ReadmeSubject): string {
  const title = timescale ? 'What needs TimescaleDB at work, and what comes last.' : 'What comes last.';
  const views = afterRestoreMode.filter((entry) => entry.kind === 'MATERIALIZED VIEW DATA');
  if (views.length < 2) return title;
  const then = kind === 'plain' ? 'run the script again' : 'then the one that reads it';
  return `${title} A materialized view that reads another through a function may be refused, since that\n   “has not been populated”: fill that one (REFRESH MATERIALIZED VIEW …), and ${then}.`;
}

function missingValues({ missingValues: values }: Inventory): Step[] {
  if (values.length === 0) return [];
  return [
    {
      title: 'Values of columns that are younger than compressed rows, which would read as NULL.',
      commands: [`${PSQL} -f ${MISSING_VALUES}`],
    },
  ];
}

function endOfRestoreMode(timescale: Inventory['timescale'], hasBackgroundJobs: boolean): Step[] {
  if (!timescale) return [];
  const end = `SELECT ${identifier(timescale.schema)}.timescaledb_post_restore()`;
  if (!hasBackgroundJobs) return [{ title: 'The end of restore mode.', commands: [sql(end)] }];
  return [
    {
      title:
        'The end of restore mode, and first when background jobs run next (without, all of them run at once) and how they are set.',
      commands: [`${PSQL} -f ${BACKGROUND_JOBS}`, sql(end)],
    },
  ];
}

/** In this order: the database may be one whose sessions only read, by default. */
const FINISHING: Step = {
  title: 'Statistics, and properties of the database.',
  commands: ['vacuumdb --analyze-only -d "$TARGET"', `${PSQL} -f database.sql`],
};

/** On one line, as each command is. */
function identifier(name: string): string {
  if (!/[\r\n]/.test(name)) return quoteIdentifier(name);
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\000A').replaceAll('\r', '\\000D');
  return `U&${quoteIdentifier(escaped)}`;
}

function oneLine(name: string): string {
  return name.replaceAll(/[\r\n]/g, ' ');
}
