import { findLargeObjects, type LargeObjectPlace } from '../../postgres/archive/large-objects.js';
import { type Archive, openArchive } from '../../postgres/archive/open-archive.js';
import { quotedNameOf, type TocEntry } from '../../postgres/archive/toc-entry.js';
import { HyperferryError } from '../../postgres/error.js';

/** An archive, with its entries at hand. */
export interface OpenedDump {
  readonly archive: Archive;
  /** @throws HyperferryError `ARCHIVE` for an entry that it does not have */
  entryOf(dumpId: number | undefined): TocEntry;
  /** The definition of the table whose rows an entry has; undefined of an extension's. */
  tableOf(entry: TocEntry): TocEntry | undefined;
  /** Where the content of large objects is, by their OIDs: looked for once, since many tasks take a few each. */
  findLargeObjects(): Promise<Places>;
}

type Places = ReadonlyMap<number, LargeObjectPlace['place']>;

const opened = new Map<string, Promise<OpenedDump>>();

/** Opens an archive once for all workers of the process. */
export function openedDump(path: string): Promise<OpenedDump> {
  const known = opened.get(path) ?? open(path);
  opened.set(path, known);
  // One that cannot be opened now may be there later.
  known.catch(() => opened.delete(path));
  return known;
}

/** Opens it for a new run: there may be another archive by now in the place of one that was opened before. */
export function reopenDump(path: string): Promise<OpenedDump> {
  opened.delete(path);
  return openedDump(path);
}

async function open(path: string): Promise<OpenedDump> {
  const archive = await openArchive(path);
  const entries = new Map(archive.entries.map((entry) => [entry.dumpId, entry]));
  const tables = new Map(
    archive.entries.filter(({ kind }) => kind === 'TABLE').map((entry) => [quotedNameOf(entry), entry]),
  );
  let places: Promise<Places> | undefined;
  return {
    archive,
    tableOf: (entry) => tables.get(quotedNameOf(entry)),
    findLargeObjects: () => {
      places ??= placesOf(archive).catch((error: unknown) => {
        // The next attempt looks again.
        places = undefined;
        throw error;
      });
      return places;
    },
    entryOf: (dumpId = 0) => {
      const entry = entries.get(dumpId);
      if (entry) return entry;
      throw new HyperferryError(
        'ARCHIVE',
        `${path} has no entry ${dumpId}: it is another dump than that of the run`,
      );
    },
  };
}

async function placesOf(archive: Archive): Promise<Places> {
  const places = new Map<number, LargeObjectPlace['place']>();
  for (const entry of archive.entries.filter(({ kind }) => kind === 'BLOBS')) {
    for await (const { oid, place } of findLargeObjects(archive, entry)) places.set(oid, place);
  }
  return places;
}
