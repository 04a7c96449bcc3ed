import { IDENTIFIER_PATTERN } from '../postgres/quoting.js';
import type { Statement } from './statement.js';

const NAME = IDENTIFIER_PATTERN;

/** As pg_dump writes a constraint whose index has no settings of its own. */
const CONSTRAINT = new RegExp(
  `ALTER TABLE ONLY (${NAME})\\.(${NAME})\\s+ADD CONSTRAINT (${NAME}) (PRIMARY KEY|UNIQUE) (\\(${NAME}(?:, ${NAME})*\\));`,
);

/** What else may stand beside it and needs it to be there. */
const MORE = /CLUSTER ON|REPLICA IDENTITY/;

/**
 * A primary key or unique constraint in two steps: an index, which is built beside other indexes of the table, and the
 * constraint, which takes that index at once but locks the table. What an attempt before has left of it is made anew.
 */
export function throughIndex(
  statement: Statement,
): { readonly index: Statement; readonly constraint: Statement } | undefined {
  const match = CONSTRAINT.exec(statement.sql);
  if (!match || MORE.test(statement.sql)) return undefined;
  const [definition, schema, table, name, kind, columns] = match;
  const drop = `DROP INDEX IF EXISTS ${schema}.${name};\n`;
  const create = `CREATE UNIQUE INDEX ${name} ON ${schema}.${table} ${columns};`;
  return {
    index: {
      object: statement.object,
      sql: statement.sql.replace(definition, () => drop + create),
      isUnmarked: true,
    },
    constraint: {
      ...statement,
      sql: `ALTER TABLE ONLY ${schema}.${table} ADD CONSTRAINT ${name} ${kind} USING INDEX ${name};\n`,
      definition: statement.sql,
    },
  };
}
