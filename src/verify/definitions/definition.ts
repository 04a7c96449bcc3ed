/** What a side says of one object: the same text on both sides when the object is the same. */
export interface Definition extends Record<string, unknown> {
  /** `table`, `index`, `owner of view`, `grants on function`, … */
  readonly kind: string;
  /** Its qualified name, quoted where SQL needs it. */
  readonly object: string;
  /** One property a line. */
  readonly text: string;
}

/** What a query must know of the two servers. */
export interface Versions {
  /** `server_version_num` of the server that is asked. */
  readonly server: number;
  /** The older of both: what it does not know is not compared. */
  readonly older: number;
}

/**
 * A query that gives definitions, for all objects of some kinds at once. What an extension made is compared by the
 * extension's version.
 */
export type DefinitionQuery = (versions: Versions) => string;

/** Schemas whose objects are the user's, and TimescaleDB's where no extension made them. */
export const IS_USER_SCHEMA = `n.nspname NOT IN ('pg_catalog', 'information_schema', '_hyperferry') AND n.nspname NOT LIKE 'pg\\_%'`;

/** SQL that names a relation's kind, by the alias of its pg_class row. */
export function relationKind(alias: string): string {
  return `CASE ${alias}.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
    WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'composite type' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' ELSE 'table' END`;
}

/** SQL for one line a member of a text array, in an order of their own. */
export function optionLines(array: string, title: string): string {
  return `CASE WHEN ${array} IS NOT NULL THEN (
    SELECT pg_catalog.string_agg('${title} ' || o.option, E'\\n' ORDER BY o.option COLLATE pg_catalog."C")
    FROM pg_catalog.unnest(${array}) AS o (option)) END`;
}
