/** The text of a literal as SQL writes it: `'it''s'`, or `E'with \\\\ in it'`. */
export function textOf(literal: string): string {
  const isEscaped = literal.startsWith('E');
  const quoted = literal.slice(isEscaped ? 2 : 1, -1).replaceAll("''", "'");
  return isEscaped ? quoted.replaceAll('\\\\', '\\') : quoted;
}

/** The text in `COMMENT ON … IS '…';`; null for other SQL. */
export function textOfComment(definition: string): string | null {
  const literal = / IS (E?'.*');\s*$/s.exec(definition)?.[1];
  return literal === undefined ? null : textOf(literal);
}
