import { availableParallelism } from 'node:os';
import { runChecks } from '../check/check.js';
import type { Finding } from '../check/finding.js';
import { freeConnections } from '../check/room.js';
import { readUnfinishedRun } from '../engine/ledger.js';
import { readContent } from '../inventory/content.js';
import { type Inventory, readInventory } from '../inventory/inventory.js';
import { HyperferryError } from '../postgres/error.js';
import type { Session } from '../postgres/session.js';
import { isInRestoreMode } from '../timescale/timescale.js';
import type { MigrateOptions } from './options.js';

const READ_UNREADABLE = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema', '_hyperferry')
  AND n.nspname NOT LIKE 'pg\\_%'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' AND d.objid = c.oid)
  AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND
           CASE c.relkind WHEN 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
                          ELSE pg_catalog.has_table_privilege(c.oid, 'SELECT') END)
ORDER BY 1`;

/** Both inventories, when nothing stands in the way. */
export interface Cleared {
  readonly source: Inventory;
  readonly target: Inventory;
  readonly jobs: number;
}

/**
 * Reads both sides and looks for what cannot work. Changes nothing.
 * @throws HyperferryError with the code and the mend of the first blocker, and what all of them found
 */
export async function preflight(source: Session, target: Session, options: MigrateOptions): Promise<Cleared> {
  const inventories = { source: await readInventory(source), target: await readInventory(target) };
  const jobs = options.jobs ?? defaultJobs(inventories.source, inventories.target);
  const { may } = await target.one<{ may: boolean }>(
    "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS may",
  );
  const findings = runChecks({
    ...inventories,
    content: await readContent(target),
    unfinishedRun: await readUnfinishedRun(target),
    targetIsRestoring: await isInRestoreMode(target),
    unreadable: (await source.query<{ name: string }>(READ_UNREADABLE)).map(({ name }) => name),
    targetMayCreate: may,
    jobs,
    cleanTarget: options.cleanTarget ?? false,
  });
  refuse(findings.filter(({ severity }) => severity === 'blocker'));
  return { ...inventories, jobs };
}

function refuse(blockers: readonly Finding[]): void {
  const [first] = blockers;
  if (!first) return;
  throw new HyperferryError(first.code, blockers.map(({ found }) => found).join('\n'), {
    hint: blockers.map(({ mend }) => mend).join('\n'),
  });
}

/** As many workers as this machine has cores, but no more than half of what either server has free. */
function defaultJobs(source: Inventory, target: Inventory): number {
  const free = Math.min(freeConnections(source.server), freeConnections(target.server));
  return Math.max(1, Math.min(availableParallelism(), Math.floor(free / 2)));
}
