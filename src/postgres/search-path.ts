import { isNoMember } from './extension-member.js';

/**
 * SQL that says of a function of the user's that it may leave names to the session's `search_path`: it has none of its own,
 * and its text is not compiled.
 *
 * @param procedure the alias of a row of `pg_proc`
 */
export function mayRelyOnSearchPath(procedure: string): string {
  return `${procedure}.oid >= 16384
  AND EXISTS (SELECT FROM pg_catalog.pg_language l WHERE l.oid = ${procedure}.prolang AND l.lanname NOT IN ('c', 'internal'))
  AND NOT EXISTS (SELECT FROM pg_catalog.unnest(${procedure}.proconfig) AS s (setting) WHERE s.setting LIKE 'search_path=%')
  AND ${isNoMember('pg_proc', `${procedure}.oid`)}`;
}
