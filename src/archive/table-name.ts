import type { QualifiedName } from '../inventory/sequences.js';
import { HyperferryError } from '../postgres/error.js';
import { shownIdentifier, unquoted } from '../postgres/quoting.js';

const PART = '"(?:[^"]|"")+"|[^".]+';
const NAME = new RegExp(`^(?:(${PART})\\.)?(${PART})$`, 's');

/**
 * `table` or `schema.table` as SQL reads it: without quotes, capital letters are small ones.
 * @throws HyperferryError `USAGE`
 */
export function parseTableName(text: string): { readonly schema: string | undefined; readonly name: string } {
  const [, schema, name] = NAME.exec(text.trim()) ?? [];
  if (name === undefined) {
    throw new HyperferryError('USAGE', `expected table or schema.table, but ${text} came`, {
      hint: `A name with a dot or a quote wants quotes, as in SQL: --only '"my.table"'`,
    });
  }
  return { schema: schema === undefined ? undefined : folded(schema), name: folded(name) };
}

/** The name that `regclass` and `format('%I.%I')` print; undefined for an OID, which is all that is left of a dropped one. */
export function qualifiedName(text: string): QualifiedName | undefined {
  const [, schema, name] = NAME.exec(text) ?? [];
  return schema && name ? { schema: unquoted(schema), name: unquoted(name) } : undefined;
}

/** As one would type it: in quotes only where SQL wants them. */
export function shownName({ schema, name }: QualifiedName): string {
  return `${shownIdentifier(schema)}.${shownIdentifier(name)}`;
}

const NAMES_SHOWN = 10;

/** The names that are most like one that is not there, or some of all; for messages. */
export function namesLike(name: string, all: readonly QualifiedName[]): string {
  const wanted = name.toLowerCase();
  const near = all.filter((other) => {
    const there = other.name.toLowerCase();
    return there.includes(wanted) || wanted.includes(there) || distance(there, wanted) <= 2;
  });
  const listed = near.length > 0 ? near : all;
  const more = listed.length > NAMES_SHOWN ? `, and ${listed.length - NAMES_SHOWN} more` : '';
  return `${listed.slice(0, NAMES_SHOWN).map(shownName).join(', ')}${more}`;
}

function folded(identifier: string): string {
  return identifier.startsWith('"')
    ? unquoted(identifier)
    : identifier.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** How many letters must be added, removed or replaced (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [at, letter] of [...a].entries()) {
    let corner = at;
    const next = [at + 1];
    for (const [place, other] of [...b].entries()) {
      const above = row[place + 1] ?? 0;
      next.push(Math.min(above + 1, (next[place] ?? 0) + 1, corner + (letter === other ? 0 : 1)));
      corner = above;
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
