import { STORED_TYPES } from '../inventory/stored-types.js';
import { isNoMember } from '../postgres/extension-member.js';
import { quoteIdentifier } from '../postgres/quoting.js';
import { mayRelyOnSearchPath } from '../postgres/search-path.js';
import {
  type Check,
  type CheckedSide,
  type DumpChecked,
  type Finding,
  nameSome,
  readNames,
} from './finding.js';
import { askAll, type Question } from './question.js';

const RELATION_NAMES = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`;

/**
 * Tables that pg_dump makes with their columns in another order, those that are inherited before all others, and whose
 * rows stand in columns. A partition it makes with all of its columns, and attaches it.
 */
const REORDERED_ROW_TYPES = `
WITH RECURSIVE ${STORED_TYPES},
ordered (oid, here, there) AS (
  SELECT c.oid, pg_catalog.array_agg(a.attname ORDER BY a.attnum),
         pg_catalog.array_agg(a.attname ORDER BY inherited.inhseqno, inherited.attnum, a.attnum)
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN LATERAL (
    SELECT i.inhseqno, p.attnum
    FROM pg_catalog.pg_inherits i
    JOIN pg_catalog.pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname
    WHERE i.inhrelid = c.oid AND a.attinhcount > 0 ORDER BY i.inhseqno LIMIT 1
  ) AS inherited ON true
  WHERE c.relkind IN ('r', 'f') AND NOT c.relispartition AND c.reltype IN (SELECT type FROM stored)
  GROUP BY c.oid
)
${RELATION_NAMES} JOIN ordered o ON o.oid = c.oid WHERE o.here <> o.there ORDER BY 1`;

/** A column that a parent got after the table was made stands behind the table's own. */
const REORDERED_TABLES = `
WITH reordered AS (
  SELECT attrelid FROM pg_catalog.pg_attribute WHERE attnum > 0 AND NOT attisdropped GROUP BY attrelid
  HAVING pg_catalog.min(attnum) FILTER (WHERE attinhcount = 0) < pg_catalog.max(attnum) FILTER (WHERE attinhcount > 0)
)
${RELATION_NAMES} JOIN reordered r ON r.attrelid = c.oid WHERE c.relkind IN ('r', 'f') AND NOT c.relispartition ORDER BY 1`;

const QUESTIONS: readonly Question[] = [
  {
    query: REORDERED_ROW_TYPES,
    finding: {
      id: 'row-type-order',
      severity: 'blocker',
      what: 'tables with columns before inherited ones, whose rows stand in columns',
      why: 'A table is made with its inherited columns first, and rows that stand in columns travel by the place of their fields, so that values would change fields.',
      mend: 'Make the table anew with its inherited columns first, or give the columns that hold its rows another type, such as jsonb.',
    },
  },
  {
    query: REORDERED_TABLES,
    finding: {
      id: 'column-order',
      severity: 'warning',
      what: 'tables with columns of their own before inherited ones',
      why: 'pg_dump makes inherited columns first: SELECT * and INSERT without a list of columns have them in another order on the target.',
      mend: 'Name the columns in such statements of the application.',
    },
  },
  {
    query: 'SELECT m.oid::text AS name FROM pg_catalog.pg_largeobject_metadata m ORDER BY m.oid',
    finding: {
      id: 'large-objects',
      severity: 'note',
      what: 'large objects',
      why: 'They are copied with their OIDs, 50 to a task, in pieces of 4 MB.',
      mend: 'Nothing to do.',
    },
  },
  {
    query: `${RELATION_NAMES} WHERE c.relpersistence = 'u' AND c.relkind = 'r' ORDER BY 1`,
    finding: {
      id: 'unlogged-tables',
      severity: 'note',
      what: 'unlogged tables',
      why: 'Their rows are copied, and are lost when the target crashes, as on the source.',
      mend: 'Nothing to do.',
    },
  },
  {
    query: `${RELATION_NAMES} WHERE c.relkind = 'f' ORDER BY 1`,
    finding: {
      id: 'foreign-tables',
      severity: 'warning',
      what: 'foreign tables',
      why: 'Their rows are on another server, which the target must reach as well.',
      mend: 'Make sure that the target reaches the foreign servers: SELECT * FROM pg_foreign_server;',
    },
  },
  {
    query: `SELECT pg_catalog.format('%s on %s', usename, srvname) AS name FROM pg_catalog.pg_user_mappings ORDER BY 1`,
    finding: {
      id: 'user-mappings',
      severity: 'warning',
      what: 'user mappings to foreign servers',
      why: 'They may hold passwords, which are carried over as the source shows them to the connecting role.',
      mend: 'Look at them on the target after the migration: \\deu+',
    },
  },
  {
    query: `SELECT subname::text AS name FROM pg_catalog.pg_subscription
            WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
            ORDER BY 1`,
    finding: {
      id: 'subscriptions',
      severity: 'warning',
      what: 'subscriptions',
      why: 'They are made disabled and without a slot, and the source goes on receiving.',
      mend: 'ALTER SUBSCRIPTION … on both sides when the target takes over.',
    },
  },
  {
    query: 'SELECT pubname::text AS name FROM pg_catalog.pg_publication ORDER BY 1',
    finding: {
      id: 'publications',
      severity: 'note',
      what: 'publications',
      why: 'They are made on the target, but subscribers go on following the source.',
      mend: 'ALTER SUBSCRIPTION … CONNECTION … on the subscribers after the migration.',
    },
  },
];

const READ_SEARCH_PATH_FUNCTIONS = `
SELECT DISTINCT p.oid::pg_catalog.regprocedure::text AS name
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid
WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  AND d.classid IN ('pg_catalog.pg_constraint'::pg_catalog.regclass, 'pg_catalog.pg_attrdef'::pg_catalog.regclass,
                    'pg_catalog.pg_class'::pg_catalog.regclass)
  AND ${mayRelyOnSearchPath('p')}
ORDER BY 1`;

/** What the source holds that wants a word. */
export const content: Check = async ({ source, target }) => [
  ...(await sourceContent({ source })),
  ...(await eventTriggers(source, target)),
  ...(await tablespaces(source, target)),
];

export const sourceContent: Check<Pick<DumpChecked, 'source'>> = async ({ source }) => {
  const findings = await askAll(source.session, QUESTIONS);
  const invalid = source.inventory.definitions.invalidIndexes.map(({ schema, name }) => `${schema}.${name}`);
  if (invalid.length > 0) {
    findings.push({
      id: 'invalid-indexes',
      severity: 'warning',
      found: `indexes that are not valid: ${nameSome(invalid)}`,
      objects: invalid,
      why: 'Building them failed, or has not ended; they are left out.',
      mend: 'REINDEX INDEX CONCURRENTLY …; or DROP INDEX …;',
    });
  }
  const functions = await readNames(source.session, READ_SEARCH_PATH_FUNCTIONS);
  if (functions.length > 0) {
    findings.push({
      id: 'search-path-functions',
      severity: 'note',
      found: `CHECKs, defaults, generated columns or indexes call functions that may rely on search_path: ${nameSome(functions)}`,
      objects: functions,
      why: `Rows are written with the source's search_path (${source.inventory.server.sessionDefaults.search_path}), and indexes with such functions are made before the rows.`,
      mend: functions
        .slice(0, 10)
        .map((name) => `ALTER FUNCTION ${name} SET search_path = …;`)
        .join('\n'),
    });
  }
  return findings;
};

const READ_EVENT_TRIGGERS = `
SELECT evtname::text AS name FROM pg_catalog.pg_event_trigger t WHERE ${isNoMember('pg_event_trigger', 't.oid')} ORDER BY 1`;

async function eventTriggers(source: CheckedSide, target: CheckedSide): Promise<Finding[]> {
  const triggers = await readNames(source.session, READ_EVENT_TRIGGERS);
  if (triggers.length === 0) return [];
  const may = target.inventory.server.isSuperuser;
  return [
    {
      id: 'event-triggers',
      severity: may ? 'note' : 'warning',
      found: `event triggers: ${nameSome(triggers)}`,
      objects: triggers,
      why: may
        ? 'They are made last, so that they do not act on the migration.'
        : 'Only a superuser may make them, and the connecting role of the target is none.',
      mend: may ? 'Nothing to do.' : 'They are left out; an administrator can make them later.',
    },
  ];
}

const READ_USED_TABLESPACES = `
SELECT spcname::text AS name FROM pg_catalog.pg_tablespace t
WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.reltablespace = t.oid AND c.relnamespace <> 11
              AND c.oid >= 16384)
ORDER BY 1`;

const READ_ATTACHED_TABLESPACES = `
SELECT DISTINCT tablespace_name::text AS name FROM _timescaledb_catalog.tablespace ORDER BY 1`;

async function tablespaces(source: CheckedSide, target: CheckedSide): Promise<Finding[]> {
  const used = new Set([
    ...(await readNames(source.session, READ_USED_TABLESPACES)),
    ...(source.inventory.timescale ? await readNames(source.session, READ_ATTACHED_TABLESPACES) : []),
  ]);
  const objects = [...used].filter((name) => !target.inventory.tablespaces.includes(name));
  if (objects.length === 0) return [];
  return [
    {
      id: 'tablespaces',
      severity: 'warning',
      found: `tablespaces that the target lacks: ${nameSome(objects)}`,
      objects,
      why: 'What is in them goes to the default tablespace, and hypertables are detached from them.',
      mend: objects.map((name) => `CREATE TABLESPACE ${quoteIdentifier(name)} LOCATION '…';`).join('\n'),
    },
  ];
}
