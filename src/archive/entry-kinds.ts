import type { TocEntry } from '../postgres/archive/toc-entry.js';

/**
 * Tells the rows of extensions' tables from those of the user's: an archive has no definition of the former, since they
 * come with their extension.
 */
export function isOfExtension(entries: readonly TocEntry[]): (entry: TocEntry) => boolean {
  const defined = new Set(
    entries.filter(({ kind }) => kind === 'TABLE').map(({ schema, tag }) => `${schema}\0${tag}`),
  );
  return ({ kind, schema, tag }) => kind === 'TABLE DATA' && !defined.has(`${schema}\0${tag}`);
}

/** Whether an entry is a grant on a large object, or is said of one. */
export function isOfLargeObject({ kind, tag }: Pick<TocEntry, 'kind' | 'tag'>): boolean {
  return /^LARGE OBJECTS? /.test(tag) && ['COMMENT', 'ACL', 'SECURITY LABEL'].includes(kind);
}
