import { quoteIdentifier } from '../postgres/quoting.js';
import type { OwnerMap } from './owner-map.js';
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

/** The same to those who are the grantees on the target. */
export function mapGrantees(grants: readonly Grant[], { ownerOf }: Pick<OwnerMap, 'ownerOf'>): Grant[] {
  return grants.map((grant) => ({ ...grant, grantee: grant.grantee && ownerOf(grant.grantee) }));
}
