import { unquoted } from '../quoting.js';
import type { TocEntry } from './toc-entry.js';

/** The columns that an entry has values of, as its COPY names them. */
export function copiedColumns({ copyStatement = '' }: TocEntry): string[] {
  const list = /\((.*)\) FROM stdin;/s.exec(copyStatement)?.[1] ?? '';
  return (list.match(/"(?:[^"]|"")*"|[^,\s][^,]*/g) ?? []).map(unquoted);
}
