import { fingerprint } from '../engine/done.js';
import { moveFrom } from '../migrate/migrate.js';
import type { Parts, RunOptions } from '../migrate/options.js';
import type { Outcome } from '../migrate/outcome.js';
import { reopenDump } from '../migrate/work/opened-dump.js';
import { expectData } from '../postgres/archive/expect-data.js';
import { expectPrograms } from '../postgres/archive/expect-programs.js';
import type { Archive } from '../postgres/archive/open-archive.js';
import { HyperferryError } from '../postgres/error.js';
import { readCatalogRows } from './catalog-rows.js';
import { dumpOrigin, type RestoredDump } from './dump-origin.js';
import { dumpPath } from './dump-path.js';
import { isOfExtension } from './entry-kinds.js';
import { kindOfDump } from './kind-of-dump.js';
import { openDump } from './open-dump.js';
import { selectTables } from './select-tables.js';
import { stockRecord } from './stock-record.js';

/** What `restore` is asked to do. */
export interface RestoreOptions extends RunOptions {
  /** The folder of a dump of Hyperferry, or an archive of `pg_dump`: a folder (`-Fd`) or a file (`-Fc`). */
  readonly from: string;
  /** Compare the SHA-256 of every file before anything is changed. Default: no, sizes alone. */
  readonly checkFiles?: boolean | undefined;
  /** Restore only these tables and hypertables, and what belongs to them: `table` or `schema.table`, as SQL reads it. */
  readonly only?: readonly string[] | undefined;
  /** Definitions without rows, values of sequences, and large objects. Default: no. */
  readonly schemaOnly?: boolean | undefined;
  /** Rows, values of sequences, and large objects, into definitions that stand. Default: no. */
  readonly dataOnly?: boolean | undefined;
}

/**
 * Restores a dump into an empty database. What an archive of `pg_dump` does not hold, a restore cannot bring: roles, and
 * properties of the database; and without checksums nothing is compared.
 *
 * @throws HyperferryError. Where something was changed by then, the error's hint says what state the target is in and how
 *   to go on; until the checks are passed nothing is.
 *
 * @example
 * const { rows, seconds } = await restore({ from: '/backup/tsdb', target: 'postgresql://new/tsdb' });
 */
export async function restore(options: RestoreOptions): Promise<Outcome> {
  const content = contentOf(options);
  const dump = await narrowed(await openForRestore(options), options);
  await expectPrograms(dataNeeded(dump.archive, content));
  const asked = { ...options, only: dump.selection?.names, content };
  // Of definitions, only those of the whole are noted.
  const isComparable = !dump.isStock && !(dump.selection && content === 'definitions');
  return moveFrom(dumpOrigin(dump), isComparable ? asked : { ...asked, verify: 'none' });
}

/** @throws HyperferryError `USAGE` for parts that cannot be had together */
function contentOf({ schemaOnly, dataOnly, cleanTarget }: RestoreOptions): Parts['content'] {
  if (schemaOnly && dataOnly) {
    throw new HyperferryError('USAGE', 'expected --schema-only or --data-only, but both came', {
      hint: 'Without either, definitions and rows are restored.',
    });
  }
  if (dataOnly && cleanTarget) {
    throw new HyperferryError('USAGE', 'expected --data-only or --clean-target, but both came', {
      hint: '--data-only brings rows into the definitions that --clean-target drops.',
    });
  }
  if (schemaOnly) return 'definitions';
  return dataOnly ? 'rows' : undefined;
}

/** Of definitions, the rows that extensions keep in their own tables. */
function dataNeeded(archive: Archive, content: Parts['content']): Archive {
  if (content !== 'definitions') return archive;
  return { ...archive, entries: archive.entries.filter(isOfExtension(archive.entries)) };
}

async function narrowed(dump: RestoredDump, { only }: RestoreOptions): Promise<RestoredDump> {
  if (!only || only.length === 0) return dump;
  const { archive, record } = dump;
  const catalog = await readCatalogRows(archive);
  const selection = selectTables(only, { entries: archive.entries, record }, catalog);
  const bytes = selection.record.side.inventory.relations.reduce((sum, relation) => sum + relation.bytes, 0);
  return {
    ...dump,
    archive: { ...archive, entries: selection.entries },
    record: selection.record,
    bytes,
    selection,
  };
}

async function openForRestore({ from, checkFiles }: RestoreOptions): Promise<RestoredDump> {
  const path = dumpPath(from);
  if ((await kindOfDump(path)) === 'hyperferry') {
    const { manifest, archive, record } = await openDump(path, checkFiles);
    await expectData(archive);
    const { id: identity, source } = manifest;
    return { name: path, identity, archive, record, bytes: source.bytes, isStock: false };
  }
  if (checkFiles) {
    throw new HyperferryError(
      'USAGE',
      `expected a dump with a manifest for --check-files, but ${path} has none`,
      {
        hint: 'Leave it away: pg_dump notes no checksums.',
      },
    );
  }
  const { archive } = await reopenDump(path);
  await expectData(archive);
  const record = await stockRecord(archive);
  const bytes = record.side.inventory.relations.reduce((sum, relation) => sum + relation.bytes, 0);
  return { name: path, identity: identityOf(archive), archive, record, bytes, isStock: true };
}

/** When it was made, and what it holds. */
function identityOf({ header, entries }: Archive): string {
  const contents = entries.map(({ dumpId, kind, schema, tag }) =>
    [dumpId, kind, schema ?? '', tag].join(' '),
  );
  return fingerprint('archive', JSON.stringify(header), ...contents);
}
