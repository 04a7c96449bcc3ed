/** More is of little use to one index build. */
const ENOUGH_BYTES = 1024 ** 3;

/**
 * SQL that gives `maintenance_work_mem` for one of several sessions that build indexes at a time, in bytes: what the
 * server sets, or more where its `shared_buffers` tell that it has memory. All of them together take half as much.
 */
export function buildMemory(sessions: number): string {
  return `GREATEST(pg_catalog.pg_size_bytes(pg_catalog.current_setting('maintenance_work_mem')),
  LEAST(${ENOUGH_BYTES}, pg_catalog.pg_size_bytes(pg_catalog.current_setting('shared_buffers')) / ${2 * sessions}))`;
}
