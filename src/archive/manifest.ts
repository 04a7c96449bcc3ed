import { z } from 'zod';
import { HyperferryError } from '../postgres/error.js';
import { OBJECTS_FILE } from './objects-file.js';
import { RECORD_FILE } from './record-file.js';

/** The one file of a dump that it does not name. */
export const MANIFEST_FILE = 'manifest.json';

/** Of what `manifest.json` says and how. A number that is not this one is of another Hyperferry. */
export const MANIFEST_FORMAT = 3;

const FILE = z.object({
  /** In the folder itself: a manifest may come from anywhere, and must not name other places. */
  name: z.string().regex(/^(?!\.{1,2}$)[^/\\\0]+$/, 'expected the name of a file in the folder'),
  /** As it lies on disk. */
  bytes: z.number().int().nonnegative(),
  /** In hexadecimal digits. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const NAME = { schema: z.string(), name: z.string() };

const TABLE = z.object({
  ...NAME,
  kind: z.enum(['table', 'hypertable', 'chunk', 'partitioned']),
  rows: z.number().int().nonnegative(),
  /** The sum of the hashes of all rows; null where they were only counted. */
  checksum: z.string().nullable(),
  /** Null for a partitioned table, whose rows are in its partitions' files. */
  file: z.string().nullable(),
  /** Of a chunk, and of the relation that holds a chunk's compressed rows. */
  hypertable: z.object(NAME).nullable(),
  /** Whether each row is a batch of compressed ones. */
  compressed: z.boolean(),
});

const LEFT_OUT = z.object({ object: z.string(), reason: z.string(), sql: z.string().optional() });

/** What no dump is whole without, whatever it holds. */
const NEEDED = {
  archive: ['toc.dat', 'roles.sql', 'database.sql', RECORD_FILE, OBJECTS_FILE],
  plain: ['dump.sql', 'after-restore-mode.sql', 'roles.sql', 'database.sql', RECORD_FILE, OBJECTS_FILE],
} as const;

const CONTENT = z.object({
  format: z.literal(MANIFEST_FORMAT),
  /** Tells this dump from all others. */
  id: z.uuid(),
  kind: z.enum(['archive', 'plain']),
  source: z.object({
    /** `user@host:port/database`, without a password. */
    name: z.string(),
    database: z.string(),
    /** As `SHOW server_version_num` gives it. */
    serverVersion: z.number().int(),
    encoding: z.string(),
    /** Of the database on the source's disk. */
    bytes: z.number().nonnegative(),
  }),
  /** Null for plain PostgreSQL. */
  timescale: z.object({ version: z.string(), schema: z.string() }).nullable(),
  /** When the snapshot was taken, and its name on the source. */
  snapshot: z.object({ id: z.string(), takenAt: z.iso.datetime() }),
  compression: z.object({
    algorithm: z.enum(['none', 'gzip', 'lz4', 'zstd']),
    level: z.number().int().nullable(),
  }),
  extensions: z.array(z.object({ name: z.string(), version: z.string(), schema: z.string() })),
  continuousAggregates: z.array(z.string()),
  largeObjects: z.number().int().nonnegative(),
  /** All of the server's but its own (`pg_…`). */
  roles: z.array(z.string()),
  /** Whether `roles.sql` holds the stored forms of passwords. */
  rolePasswords: z.boolean(),
  tables: z.array(TABLE),
  files: z.array(FILE),
  leftOut: z.array(LEFT_OUT),
});

/** A file that the list lacks is compared with nothing, and missed by nobody. */
const MANIFEST = CONTENT.superRefine(({ kind, tables, files }, context) => {
  const names = files.map(({ name }) => name);
  const listed = new Set(names);
  const needed = [...NEEDED[kind], ...tables.flatMap(({ file }) => file ?? [])];
  const missing = needed.find((name) => !listed.has(name));
  const twice = names.toSorted().find((name, at, sorted) => name === sorted[at - 1]);
  if (missing !== undefined) {
    context.addIssue({ code: 'custom', path: ['files'], message: `expected ${missing} among them` });
  }
  if (twice !== undefined) {
    context.addIssue({
      code: 'custom',
      path: ['files'],
      message: `expected ${twice} once, but it is there again`,
    });
  }
});

export type Manifest = z.infer<typeof MANIFEST>;
export type ManifestFile = z.infer<typeof FILE>;
export type ManifestTable = z.infer<typeof TABLE>;

export function writeManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 1)}\n`;
}

/**
 * @param path for messages
 * @throws HyperferryError `ARCHIVE` for a text that is no manifest, or one of another format
 */
export function readManifest(text: string, path: string): Manifest {
  const parsed = parse(text, path);
  const format = (parsed as { format?: unknown } | null)?.format;
  if (typeof format === 'number' && format !== MANIFEST_FORMAT) {
    throw new HyperferryError(
      'ARCHIVE',
      `expected a manifest of format ${MANIFEST_FORMAT}, but ${path} is of format ${format}`,
      {
        hint: `Use the version of Hyperferry that made the dump${format > MANIFEST_FORMAT ? ', or a newer one than this' : ''}; or restore it by hand: README.txt.`,
      },
    );
  }
  const read = MANIFEST.safeParse(parsed);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw damaged(path, `${issue?.path.join('.')}: ${issue?.message}`);
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(path, (error as Error).message);
  }
}

function damaged(path: string, reason: string): HyperferryError {
  return new HyperferryError('ARCHIVE', `expected the manifest of a dump in ${path}, but ${reason}`, {
    hint: 'Take the file again from where it came. Without it, the dump can still be restored by hand: README.txt.',
  });
}
