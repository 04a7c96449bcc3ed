/** An identifier as SQL: `a"b` becomes `"a""b"`. Always quoted, so that no key word needs a list. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** An identifier as people write it and as `quote_ident()` gives most: in quotes only where SQL wants them, but for key words. */
export function shownIdentifier(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : quoteIdentifier(name);
}

/** An identifier as SQL writes it, bare or in quotes, without them. */
export function unquoted(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier;
}

/** A name qualified by its schema, as SQL. */
export function quoteQualified(name: { readonly schema: string; readonly name: string }): string {
  return `${quoteIdentifier(name.schema)}.${quoteIdentifier(name.name)}`;
}

/** A text as an SQL literal, safe whatever `standard_conforming_strings` says. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? ` E${quoted}` : quoted;
}

/** One word of a POSIX shell, in quotes where it needs them. */
export function quoteForShell(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The source of a regular expression for one identifier as PostgreSQL's programs write it: bare, or in quotes. */
export const IDENTIFIER_PATTERN = '(?:"(?:[^"]|"")*"|[^\\s".;(),]+)';
