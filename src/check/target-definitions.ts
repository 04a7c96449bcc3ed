import type { Inventory } from '../inventory/inventory.js';
import type { Relation } from '../inventory/relations.js';
import type { TocEntry } from '../postgres/archive/toc-entry.js';
import { quoteLiteral, quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import { readChunksOfCompressed } from '../timescale/hypertables.js';
import { type Check, type Finding, nameSome, type RestoreChecked } from './finding.js';
import { otherTypes } from './other-types.js';
import { earlierRun, restoreMode } from './target-content.js';
import { unvalidatedChecks } from './unvalidated-checks.js';

/** Rows without definitions go into what is there: it must be there, as the dump has it, and empty. */
export const targetDefinitions: Check<RestoreChecked> = async ({ source, target, options }) => {
  const findings = await earlierRun(target, options);
  const mayReplicate = await mayActAsReplica(target.inventory, target.session);
  const rights = mayReplicate ? [] : [noReplica(target.inventory)];
  if (findings) return [...findings, ...rights];
  const pairs = relationPairs(source.inventory, target.inventory);
  const there = pairs.flatMap(({ to }) => to ?? []);
  const below = await relationsBelow(there, source.isWhole, target);
  return [
    ...otherTimescale(source.inventory, target.inventory),
    ...missing(pairs, source.inventory, target.inventory),
    ...(await otherColumns(pairs, source.entries, target.session)),
    ...(await filled([...there, ...below], source.inventory, target.inventory, target.session)),
    ...(await actingTriggers(there, target.session)),
    ...(await unvalidatedChecks(there, target.session)),
    ...uncheckedKeys(there, target.inventory),
    ...rights,
    ...(await restoreMode(target.session)),
    ...(await keptLedger(target.session)),
  ];
};

interface Pair {
  readonly from: Relation;
  readonly to: Relation | undefined;
}

function relationPairs(source: Inventory, target: Inventory): Pair[] {
  const there = new Map(target.relations.map((relation) => [quoteQualified(relation), relation]));
  return source.relations.map((from) => ({ from, to: there.get(quoteQualified(from)) }));
}

const WHY = 'Rows go into the tables that stand, and are compared with what was dumped.';
const MAKE_THEM = 'Make the definitions of the same dump first: hyperferry restore --schema-only …';

function otherTimescale({ timescale: wanted }: Inventory, { timescale: there }: Inventory): Finding[] {
  if (!wanted || wanted.version === there?.version) return [];
  return [
    {
      id: 'target-definitions-version',
      severity: 'blocker',
      found: `expected TimescaleDB ${wanted.version} in the target database, but it has ${there?.version ?? 'none'}`,
      objects: [],
      why: 'Rows of compressed chunks and of the catalog are of the version that wrote them.',
      mend: MAKE_THEM,
    },
  ];
}

/** A hypertable that is a plain table on the target has no chunks there, and a partitioned table no rows of its own. */
function missing(pairs: readonly Pair[], source: Inventory, target: Inventory): Finding[] {
  const sequences = new Set(target.sequences.map(quoteQualified));
  const isOther = ({ from, to }: Pair): boolean =>
    !to ||
    (from.kind !== to.kind && [from, to].some(({ kind }) => kind === 'hypertable' || kind === 'partitioned'));
  const objects = [
    ...pairs.filter(isOther).map(({ from }) => `${from.kind} ${nameOf(from)}`),
    ...source.sequences
      .filter((sequence) => !sequences.has(quoteQualified(sequence)))
      .map((sequence) => `sequence ${nameOf(sequence)}`),
  ];
  if (objects.length === 0) return [];
  return [
    {
      id: 'target-definitions-missing',
      severity: 'blocker',
      found: `expected the definitions of the dump in the target database, but it has no ${nameSome(objects)}`,
      objects,
      why: WHY,
      mend: MAKE_THEM,
    },
  ];
}

async function otherColumns(
  pairs: readonly Pair[],
  entries: readonly TocEntry[],
  session: Session,
): Promise<Finding[]> {
  const names = ({ columns }: Relation): string => JSON.stringify(columns.map(({ name }) => name).sort());
  // An archive of `pg_dump` does not tell them; they show when the rows come.
  const otherNames = pairs
    .filter(({ from, to }) => to && from.columns.length > 0 && names(from) !== names(to))
    .map(({ from }) => nameOf(from));
  const objects = [...otherNames, ...(await otherTypes(pairs, entries, session))];
  if (objects.length === 0) return [];
  return [
    {
      id: 'target-definitions-columns',
      severity: 'blocker',
      found: `expected the columns of the dump, but other ones are in ${nameSome(objects)}`,
      objects,
      why: WHY,
      mend: MAKE_THEM,
    },
  ];
}

const READ_BELOW = `
WITH RECURSIVE below (oid) AS (
  SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = ANY ($1::oid[])
  UNION SELECT i.inhrelid FROM below b JOIN pg_catalog.pg_inherits i ON i.inhparent = b.oid
)
SELECT oid::int8 AS oid FROM below`;

/** Chunks, partitions and children that the dump does not know: whoever reads a table reads their rows as well. */
async function relationsBelow(
  there: readonly Relation[],
  isWhole: boolean,
  { inventory, session }: RestoreChecked['target'],
): Promise<Relation[]> {
  // What inherits from a plain table is a table of its own, which may be restored apart.
  const above = there.filter(({ kind }) => isWhole || kind === 'hypertable' || kind === 'partitioned');
  const rows = await session.query<{ oid: string }>(READ_BELOW, [above.map(({ oid }) => oid)]);
  const below = new Set(rows.map(({ oid }) => Number(oid)));
  const chunks = inventory.timescale ? await readChunksOfCompressed(session) : new Map<number, number>();
  const known = new Set(there);
  return inventory.relations.filter(
    (relation) => !known.has(relation) && below.has(chunks.get(relation.oid) ?? relation.oid),
  );
}

const RELATIONS_AT_ONCE = 100;

async function filled(
  there: readonly Relation[],
  source: Inventory,
  target: Inventory,
  session: Session,
): Promise<Finding[]> {
  const objects: string[] = [];
  const large = there.filter(({ kind, bytes }) => kind !== 'partitioned' && bytes > 0);
  for (let first = 0; first < large.length; first += RELATIONS_AT_ONCE) {
    const queries = large
      .slice(first, first + RELATIONS_AT_ONCE)
      .map(
        (relation) =>
          `SELECT ${quoteLiteral(nameOf(relation))} AS name WHERE EXISTS (SELECT FROM ONLY ${quoteQualified(relation)})`,
      );
    const rows = await session.query<{ name: string }>(queries.join(' UNION ALL '));
    objects.push(...rows.map(({ name }) => name));
  }
  const largeObjects = new Set(target.largeObjects.map(({ oid }) => oid));
  for (const { oid } of source.largeObjects) if (largeObjects.has(oid)) objects.push(`large object ${oid}`);
  if (objects.length === 0) return [];
  return [
    {
      id: 'target-not-empty',
      severity: 'blocker',
      code: 'TARGET_NOT_EMPTY',
      found: `expected definitions without rows in the target database, but there are rows in ${nameSome(objects)}`,
      objects,
      why: 'They would be mixed with those of the dump.',
      mend: 'Name a database that has definitions alone as --target, or restore the dump as a whole into an empty one.',
    },
  ];
}

const READ_ACTING_TRIGGERS = `
SELECT pg_catalog.format('%I on %s', tgname, tgrelid::pg_catalog.regclass) AS name
FROM pg_catalog.pg_trigger
WHERE tgrelid = ANY ($1::oid[]) AND tgenabled IN ('A', 'R') AND NOT tgisinternal ORDER BY 1`;

/** Those that fire in a replica's session. */
async function actingTriggers(there: readonly Relation[], session: Session): Promise<Finding[]> {
  const rows = await session.query<{ name: string }>(READ_ACTING_TRIGGERS, [there.map(({ oid }) => oid)]);
  const objects = rows.map(({ name }) => name);
  if (objects.length === 0) return [];
  return [
    {
      id: 'target-acting-triggers',
      severity: 'blocker',
      found: `expected triggers that do not act on restored rows, but these are enabled as ALWAYS or REPLICA: ${nameSome(objects)}`,
      objects,
      why: 'They acted on the rows already, when the source wrote them.',
      mend: 'ALTER TABLE … DISABLE TRIGGER …; on the target, and enable them again at the end. Or restore the dump as a whole, which makes triggers behind the rows.',
    },
  ];
}

/** A key to a table that gets no rows is not looked at. */
function uncheckedKeys(there: readonly Relation[], { definitions, relations }: Inventory): Finding[] {
  const filledNow = new Map(there.filter(({ kind }) => kind !== 'chunk').map((one) => [one.oid, one]));
  const all = new Map(relations.map((relation) => [relation.oid, relation]));
  const objects = [...definitions.foreignKeys.values()].flatMap(({ table, references }) => {
    const [from, to] = [filledNow.get(table), all.get(references)];
    return from && to && !there.includes(to) ? [`${nameOf(from)} to ${nameOf(to)}`] : [];
  });
  if (objects.length === 0) return [];
  return [
    {
      id: 'unchecked-foreign-keys',
      severity: 'warning',
      found: `foreign keys that restored rows are not checked against: ${nameSome([...new Set(objects)])}`,
      objects: [...new Set(objects)],
      why: 'The tables that they refer to are not restored, so that rows may refer to nothing.',
      mend: 'Restore those tables as well, or make sure that they have their rows.',
    },
  ];
}

/** A role that is no superuser may be given the right from PostgreSQL 15 on. */
async function mayActAsReplica({ server }: Inventory, session: Session): Promise<boolean> {
  if (server.isSuperuser || server.version < 150_000) return server.isSuperuser;
  const { may } = await session.one<{ may: boolean }>(
    "SELECT pg_catalog.has_parameter_privilege('session_replication_role', 'SET') AS may",
  );
  return may;
}

function noReplica({ server }: Inventory): Finding {
  return {
    id: 'target-replication-role',
    severity: 'blocker',
    code: 'PRIVILEGE',
    found: `expected the role ${server.role} to be allowed to set session_replication_role on the target, but it may not`,
    objects: [],
    why: 'Else triggers act on the rows, and foreign keys refuse those that come before what they refer to.',
    mend: 'Connect to the target as a superuser, or restore the dump as a whole, which makes triggers and keys behind the rows.',
  };
}

/** That of the run which made the definitions, kept by --keep-ledger. */
async function keptLedger(session: Session): Promise<Finding[]> {
  const { exists } = await session.one<{ exists: boolean }>(
    "SELECT pg_catalog.to_regnamespace('_hyperferry') IS NOT NULL AS exists",
  );
  if (!exists) return [];
  return [
    {
      id: 'target-ledger',
      severity: 'blocker',
      found: 'expected no schema _hyperferry in the target database, but it keeps that of an earlier run',
      objects: [],
      why: 'This run notes there what it has brought.',
      mend: 'hyperferry clean --target …',
    },
  ];
}

function nameOf({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${schema}.${name}`;
}
