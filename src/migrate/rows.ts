import type { Stage } from './migration.js';
import { workOnQueue } from './work-on-queue.js';

/** Rows, largest relations first, and each table's indexes as soon as its rows are there. */
export const rowsAndIndexes: Stage = async (migration) => {
  const copies = migration.tasks.flatMap(({ work, bytes }) =>
    work.kind === 'copy' ? [{ work, bytes }] : [],
  );
  migration.emit({
    type: 'rows-planned',
    relations: new Set(copies.flatMap(({ work }) => work.relations.map(({ oid }) => oid))).size,
    bytes: copies.reduce((sum, { bytes }) => sum + bytes, 0),
  });
  await workOnQueue('rows and indexes', migration);
};
