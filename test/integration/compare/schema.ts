import { join } from 'node:path';
import { execa } from 'execa';
import { compareTexts, type Difference } from './differences.js';

/** Compares all definitions, owners, grants and comments, as `pg_dump` writes them. */
export async function compareSchemas(
  source: string,
  target: string,
  programs: string,
  except: readonly RegExp[],
): Promise<Difference[]> {
  const [left, right] = await Promise.all([dump(source, programs), dump(target, programs)]);
  return compareTexts('schema dump', relevant(left, except), relevant(right, except));
}

async function dump(url: string, programs: string): Promise<string> {
  // A dump in a UTF-8 database's encoding and in a LATIN1 one's is the same text when both are written as UTF-8.
  const { stdout } = await execa(join(programs, 'pg_dump'), ['--schema-only', '--encoding=UTF8', '-d', url], {
    maxBuffer: 100_000_000,
    env: { PGTZ: 'UTC', PGOPTIONS: '-c standard_conforming_strings=on -c quote_all_identifiers=off' },
  });
  return stdout;
}

/**
 * The lines that say which server wrote the dump, and the key that is made anew for each dump, are no definition. Nor is what
 * PostgreSQL 17.12 keeps for itself among the options of columns, which an older `pg_dump` writes.
 */
function relevant(text: string, except: readonly RegExp[]): string[] {
  const unwanted = [/^-- Dumped (from|by) /, /^\\(un)?restrict /, / SET \(pg_attver=\d+\);$/, ...except];
  return text
    .split('\n')
    .filter((line) => !unwanted.some((pattern) => pattern.test(line)))
    .map(sortRolesOfPolicy);
}

/** A policy's roles are stored, and so dumped, in the order of their OIDs, which says nothing. */
function sortRolesOfPolicy(line: string): string {
  const [, before, roles, after] =
    /^(CREATE POLICY .*? TO )(.*?)( USING .*| WITH CHECK .*|;)$/.exec(line) ?? [];
  if (before === undefined || roles === undefined) return line;
  return `${before}${roles.split(', ').sort().join(', ')}${after}`;
}
