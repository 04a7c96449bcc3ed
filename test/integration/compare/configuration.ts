import type pg from 'pg';
import { compareSets, type Difference } from './differences.js';
import { linesOf } from './lines.js';
import { positionOf } from './properties.js';

/** What extensions keep of the user's (`pg_extension_config_dump()`): TimescaleDB's catalog, among others. */
const READ_CONFIGURATION = `
SELECT e.extname AS extension, c.relkind AS kind, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
       COALESCE(e.extcondition[at.index], '') AS condition
FROM pg_catalog.pg_extension e
CROSS JOIN LATERAL pg_catalog.unnest(e.extconfig) WITH ORDINALITY AS at (relation, index)
JOIN pg_catalog.pg_class c ON c.oid = at.relation
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY 1, 3`;

interface Configuration {
  readonly extension: string;
  readonly kind: 'r' | 'S';
  readonly name: string;
  readonly condition: string;
}

/** Compares the rows of the extensions' configuration tables, and where their sequences stand. */
export async function compareConfiguration(source: pg.Client, target: pg.Client): Promise<Difference[]> {
  const { rows } = await source.query<Configuration>(READ_CONFIGURATION);
  const differences: Difference[] = [];
  for (const { extension, kind, name, condition } of rows) {
    const read = (client: pg.Client) =>
      kind === 'S'
        ? positionOf(client, name).then((position) => [position])
        : linesOf(
            client,
            `SELECT hf_row::pg_catalog.text FROM (SELECT * FROM ${name} ${condition}) AS hf_row`,
          );
    const [left, right] = await Promise.all([read(source), read(target)]);
    differences.push(...compareSets(`${extension}'s ${name}`, left, right));
  }
  return differences;
}
