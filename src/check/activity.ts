import type { Check, DumpChecked } from './finding.js';
import { askAll, type Question } from './question.js';

/** A transaction id of its own is what a session gets when it writes. */
const READ_WRITERS = `
SELECT pg_catalog.format('process %s (%s, %s)', pid, usename, COALESCE(NULLIF(application_name, ''), 'no name')) AS name
FROM pg_catalog.pg_stat_activity
WHERE datname = pg_catalog.current_database() AND backend_type = 'client backend'
  AND backend_xid IS NOT NULL AND pid <> pg_catalog.pg_backend_pid()`;

const READ_LONG = `
SELECT pg_catalog.format('process %s (%s, since %s)', pid, usename, xact_start::timestamp(0)) AS name
FROM pg_catalog.pg_stat_activity
WHERE datname = pg_catalog.current_database() AND xact_start < pg_catalog.now() - interval '5 minutes'
  AND pid <> pg_catalog.pg_backend_pid()`;

const READ_PREPARED = `
SELECT pg_catalog.format('%L (%s, since %s)', gid, owner, prepared::timestamp(0)) AS name
FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()`;

const READ_REPLICAS = `
SELECT pg_catalog.format('%s (%s)', COALESCE(NULLIF(application_name, ''), 'no name'), state) AS name
FROM pg_catalog.pg_stat_replication`;

const READ_SLOTS = `
SELECT slot_name::text AS name FROM pg_catalog.pg_replication_slots
WHERE slot_type = 'logical' AND database = pg_catalog.current_database()`;

const QUESTIONS: readonly Question[] = [
  {
    query: READ_WRITERS,
    finding: {
      id: 'active-writers',
      severity: 'warning',
      what: 'sessions that write to the source now',
      why: 'What is written after the snapshot stays behind.',
      mend: 'Stop the application before the migration, and start it on the target.',
    },
  },
  {
    query: READ_LONG,
    finding: {
      id: 'long-transactions',
      severity: 'warning',
      what: 'transactions that are open for more than five minutes',
      why: 'What they commit after the snapshot stays behind.',
      mend: 'End them, or wait for them.',
    },
  },
  {
    query: READ_PREPARED,
    finding: {
      id: 'prepared-transactions',
      severity: 'warning',
      what: 'prepared transactions',
      why: 'Neither committed nor rolled back: their rows are not in the snapshot.',
      mend: "COMMIT PREPARED '…'; or ROLLBACK PREPARED '…'; on the source.",
    },
  },
  {
    query: READ_REPLICAS,
    finding: {
      id: 'replicas',
      severity: 'note',
      what: 'replicas follow the source',
      why: 'They do not move along, and go on following the old server.',
      mend: 'Make replicas of the target after the migration: pg_basebackup.',
    },
  },
  {
    query: READ_SLOTS,
    finding: {
      id: 'logical-slots',
      severity: 'note',
      what: 'logical replication slots',
      why: 'A slot belongs to its server: its consumers need a new one on the target.',
      mend: "SELECT pg_create_logical_replication_slot('…', '…'); on the target after the migration.",
    },
  },
];

/** What changes the source during the copy, and what hangs on it. */
export const activity: Check<Pick<DumpChecked, 'source'>> = ({ source }) => askAll(source.session, QUESTIONS);
