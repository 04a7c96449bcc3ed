import { DATABASE_WIDE } from './database-wide.js';
import type { DefinitionQuery } from './definition.js';
import { DEPENDENTS } from './dependents.js';
import { GRANTS } from './grants.js';
import { OWNERS } from './owners.js';
import { PROGRAMS } from './programs.js';
import { RELATIONS } from './relations.js';

/** All definitions of a database in a fixed number of queries, whatever the number of its objects. */
export const DEFINITION_QUERIES: readonly DefinitionQuery[] = [
  ...RELATIONS,
  ...DEPENDENTS,
  ...PROGRAMS,
  ...DATABASE_WIDE,
  OWNERS,
  GRANTS,
];
