/** String constants and quoted names, in which nothing means anything; what groups and joins conditions; the rest. */
const TOKENS = /E?'(?:[^']|'')*'|"(?:[^"]|"")*"|\(|\)| AND | OR |[^'"() E]+|./gs;

interface Group {
  /** Where its parenthesis stands among the tokens. */
  readonly begin: number;
  end: number;
  joinedBy: string | undefined;
  /** The group that it begins with. */
  first: Group | undefined;
}

/**
 * A query in PostgreSQL's print with `((a AND b) AND c)` as `(a AND b AND c)`, which is what the parser makes of both; so a query
 * that was never parsed whole prints the same as its copy. TimescaleDB joins its condition to those of a real-time
 * aggregate in that way. Source: makeAndExpr() in src/backend/parser/gram.y, get_rule_expr() in src/backend/utils/adt/ruleutils.c
 */
export function flatQuery(query: string): string {
  const tokens: string[] = query.match(TOKENS) ?? [];
  const open: Group[] = [];
  tokens.forEach((token, at) => {
    const group = open.at(-1);
    if (token === '(') {
      const inner: Group = { begin: at, end: at, joinedBy: undefined, first: undefined };
      if (group?.begin === at - 1) group.first = inner;
      open.push(inner);
    } else if (token === ')' && group) {
      group.end = at;
      open.pop();
      flatten(group, tokens);
    } else if (group && (token === ' AND ' || token === ' OR ')) {
      group.joinedBy ??= token;
    }
  });
  return tokens.join('');
}

function flatten({ joinedBy, first }: Group, tokens: string[]): void {
  if (!first || joinedBy === undefined || first.joinedBy !== joinedBy || tokens[first.end + 1] !== joinedBy)
    return;
  tokens[first.begin] = '';
  tokens[first.end] = '';
}
