import { doubtRows } from '../engine/done.js';
import { setWorkerSettings } from '../engine/ledger.js';
import { quoteQualified } from '../postgres/quoting.js';
import { refuseOtherColumns, relationsWithOtherColumns } from './column-guard.js';
import type { Stage } from './migration.js';
import { workOnQueue } from './work-on-queue.js';

/** Rows, largest relations first, and each table's indexes as soon as its rows are there. */
export const rowsAndIndexes: Stage = async (migration) => {
  const { planned, target, workerSettings, emit } = migration;
  emit({ type: 'rows-planned', relations: planned.relations, bytes: planned.bytes });
  // Not before: a session that begins before restore mode does would not be in it.
  await setWorkerSettings(target.session, JSON.stringify(workerSettings));
  await workOnQueue('rows and indexes', migration);
  const { compared } = migration.source.snapshot;
  if (!('open' in compared) || compared.snapshot === undefined) return;
  const { open, snapshot } = compared;
  const others = await relationsWithOtherColumns({ open, snapshot }, migration.plan.source);
  await doubtRows(target.session, others.map(quoteQualified));
  refuseOtherColumns(others);
};
