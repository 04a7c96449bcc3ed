import type { TocEntry } from '../postgres/archive/toc-entry.js';
import { isTimescaleSchema } from '../timescale/timescale.js';

/**
 * Tells the rows of extensions' tables from those of the user's: an archive has no definition of the former, since they
 * come with their extension. Of which extension a table is, it does not tell; TimescaleDB's are in schemas of its own.
 */
export function isOfExtension(entries: readonly TocEntry[]): (entry: TocEntry) => boolean {
  const defined = new Set(
    entries.filter(({ kind }) => kind === 'TABLE').map(({ schema, tag }) => `${schema}\0${tag}`),
  );
  const extensions = entries.filter(({ kind }) => kind === 'EXTENSION');
  const couldHave = (schema = ''): boolean =>
    extensions.some(({ tag }) => tag !== 'timescaledb' || isTimescaleSchema(schema));
  return ({ kind, schema, tag }) =>
    kind === 'TABLE DATA' && !defined.has(`${schema}\0${tag}`) && couldHave(schema);
}

/** Whether an entry is a grant on a large object, or is said of one. */
export function isOfLargeObject({ kind, tag }: Pick<TocEntry, 'kind' | 'tag'>): boolean {
  return /^LARGE OBJECTS? /.test(tag) && ['COMMENT', 'ACL', 'SECURITY LABEL'].includes(kind);
}
