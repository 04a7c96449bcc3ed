import { quoteIdentifier } from '../postgres/quoting.js';
import type { Statement } from './statement.js';

/** A privilege of one role; `PUBLIC` is the empty name. */
export interface Grant {
  readonly grantee: string;
  readonly privilege: string;
  readonly grantable: boolean;
}

/** @param object as SQL names it after `ON`: `DATABASE "x"` */
export function grantStatements(object: string, grants: readonly Grant[]): Statement[] {
  return grants.map(({ grantee, privilege, grantable }) => ({
    sql: `GRANT ${privilege} ON ${object} TO ${grantee === '' ? 'PUBLIC' : quoteIdentifier(grantee)}${grantable ? ' WITH GRANT OPTION' : ''};`,
    object: `${privilege} on ${object} for ${grantee || 'PUBLIC'}`,
  }));
}
