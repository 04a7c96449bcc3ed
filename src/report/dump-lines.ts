import { join } from 'node:path';
import type { DumpOutcome } from '../archive/dump-options.js';
import { quoteForShell } from '../postgres/quoting.js';
import { countOf, formatBytes, formatSeconds } from './units.js';

/** The summary of a dump, for people. */
export function dumpSummary(outcome: DumpOutcome): string {
  const { source, out, format, tables, chunks, rows, bytes, seconds } = outcome;
  const isPlain = format === 'plain';
  const what = [countOf(tables, 'table'), countOf(chunks, 'chunk'), countOf(rows, 'row'), formatBytes(bytes)];
  return [
    '',
    `Dumped ${source}`,
    `    to ${out}`,
    `       ${what.join(', ')} in ${formatSeconds(seconds)}`,
    ...(isPlain ? [] : [`Restore it: hyperferry restore --from ${quoteForShell(out)} --target …`]),
    `${isPlain ? 'Restore it' : 'Without Hyperferry'}: ${join(out, 'README.txt')} says how`,
    '',
  ].join('\n');
}
