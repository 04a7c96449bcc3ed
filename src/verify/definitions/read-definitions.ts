import type { Session } from '../../postgres/session.js';
import { DATABASE_WIDE } from './database-wide.js';
import type { Definition, DefinitionQuery, Versions } from './definition.js';
import { DEPENDENTS } from './dependents.js';
import { GRANTS } from './grants.js';
import { OWNERS } from './owners.js';
import { PROGRAMS } from './programs.js';
import { RELATIONS } from './relations.js';

const QUERIES: readonly DefinitionQuery[] = [
  ...RELATIONS,
  ...DEPENDENTS,
  ...PROGRAMS,
  ...DATABASE_WIDE,
  OWNERS,
  GRANTS,
];

/** Reads all definitions of a database in a fixed number of queries, whatever the number of its objects. */
export async function readDefinitions(session: Session, versions: Versions): Promise<Definition[]> {
  return (await Promise.all(QUERIES.map((query) => session.query<Definition>(query(versions))))).flat();
}
