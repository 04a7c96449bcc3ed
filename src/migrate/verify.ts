import { doubtRows } from '../engine/done.js';
import type { Server } from '../inventory/server.js';
import { type Plan, populatedViews } from '../plan/plan.js';
import { type Connection, describeConnection } from '../postgres/connection-string.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteQualified, shownIdentifier } from '../postgres/quoting.js';
import { Session } from '../postgres/session.js';
import type { ComparedArea } from '../verify/compare-context.js';
import { compareDatabases } from '../verify/compare-databases.js';
import { nameOf } from '../verify/compared-relation.js';
import type { ObjectDifference, Verification } from '../verify/verification.js';
import type { Migration, Stage } from './migration.js';
import { expectUnloggedRows } from './unlogged-tables.js';

const DIFFERENCES_SHOWN = 10;

/**
 * Proves that both sides are equal, the source as of the migration's snapshot. While restore mode is on: background
 * jobs would change the target from its end on.
 */
export const verifyBothSides: Stage = async (migration) => {
  const { plan, source, target, jobs, signal, emit } = migration;
  await expectUnloggedRows(target.session, plan.source.relations);
  if (plan.options.verify === 'none') return;
  const verification = await compareDatabases({
    source: source.snapshot.compared,
    target: {
      name: describeConnection(target.connection),
      open: () => Session.open('target', withoutLoginTriggers(target.connection, plan.target.server)),
    },
    mode: plan.options.verify,
    jobs,
    leftOut: migration.leftOut,
    explain: (difference) => explain(difference, migration),
    owners: plan.options.owners,
    privileges: plan.options.privileges,
    sequenceValues: migration.sequenceValues,
    areas: plan.options.content && AREAS[plan.options.content],
    emit,
    signal,
  });
  migration.verification = verification;
  if (verification.equal) return;
  const differing = new Set(verification.relations.different.map(({ relation }) => relation));
  // The rows of some partitions are compared together, under the name of their root.
  const doubted = plan.source.relations.filter((relation) =>
    differing.has(nameOf(relation.loadThrough ?? relation)),
  );
  await doubtRows(target.session, doubted.map(quoteQualified));
  throw different(verification);
};

/** Event triggers on logins, which are made by now, would write into the target's tables while these are compared. */
function withoutLoginTriggers(connection: Connection, { isSuperuser, version }: Server): Connection {
  if (!isSuperuser || version < FIRST_WITH_LOGIN_TRIGGERS) return connection;
  const { options, ...parameters } = connection.parameters;
  const off = '-c event_triggers=off';
  return {
    ...connection,
    parameters: { ...parameters, options: options ? `${options} ${off}` : off },
  };
}

const FIRST_WITH_LOGIN_TRIGGERS = 170_000;

const AREAS: Readonly<Record<'definitions' | 'rows', ReadonlySet<ComparedArea>>> = {
  definitions: new Set(['definition', 'catalog', 'role']),
  rows: new Set(['rows', 'sequence', 'large object']),
};

/** Differences that the plan makes, beside what it leaves out by name. */
function explain(difference: ObjectDifference, { plan }: Migration): string | undefined {
  const { area, state, kind, object, source, target } = difference;
  const { role, isSuperuser } = plan.target.server;
  const { content } = plan.options;
  if (content === 'definitions' && isOfRows(difference)) return 'it comes with the rows (--data-only)';
  if (content === 'rows' && state === 'missing on source') return 'the target had it already';
  const [owner] = kind.startsWith('owner of') ? source : [];
  if (owner !== undefined) {
    const [given] = target;
    if (given === plan.owners.ownerOf(owner) && given !== owner) return 'the owner was mapped';
    if (!isSuperuser && given === role) return `${role} may not give it to ${owner}`;
  }
  const mapsOwners = !isSuperuser || Object.keys(plan.options.roleMap).length > 0;
  if (
    mapsOwners &&
    area === 'catalog' &&
    kind.endsWith('.bgw_job') &&
    [...source, ...target].every(isOwnerLine)
  ) {
    return 'the owner of the job was mapped';
  }
  // Roles are the server's: others may have granted more there.
  if (area === 'role' && source.length === 0) return 'the target had the role already';
  if (kind === 'connection limit of' && !plan.options.only) return 'it is set when all else is done';
  if (state === 'missing on source' && hadBefore(difference, plan)) return 'the target had it already';
  if (kind === 'grants on language' && BUILT_IN_LANGUAGES.has(object)) {
    return 'pg_dump does not carry grants on languages that every server has';
  }
  if (kind.startsWith('grants on') && isMergedWithOwner(difference, plan)) {
    return 'who owns it on the target may do so anyway';
  }
  if (isSuperuser) return undefined;
  if (kind.endsWith(' on parameter')) return `${role} may not give it on, or not all of it`;
  if (kind.startsWith('grants on')) {
    if (isOfTimescale(kind, object)) return 'they belong to the extension, which was there';
    const others = target.filter((line) => !isOwnersGrant(line, plan));
    if (sameButGrantor(source, others)) {
      return `granted by the owner in place of another, or to the owner of what ${role} keeps`;
    }
  }
  // The target was checked to hold nothing of a user's; what its provider put there stays.
  if (area === 'definition' && state === 'missing on source') return 'the target had it already';
  return comesLater(difference, plan) ? 'it is made when restore mode has ended' : undefined;
}

const BUILT_IN_LANGUAGES = new Set(['c', 'internal', 'sql']);

/** Filled views, and foreign keys to hypertables, which the comparison calls `key on schema.table`. */
function comesLater({ kind, object }: ObjectDifference, plan: Plan): boolean {
  const name = object.replaceAll('"', '');
  const key = kind === 'constraint' ? /^(.*) on (.*)$/s.exec(name) : null;
  const entries = key ? plan.schema.hypertableKeys : kind === 'materialized view' ? populatedViews(plan) : [];
  const isMade = key ? `${key[2]} ${key[1]}` : name;
  return entries.some(({ schema, tag }) => `${schema}.${tag}`.replaceAll('"', '') === isMade);
}

/** Large objects, and whether a materialized view is filled. */
function isOfRows({ kind, source, target }: ObjectDifference): boolean {
  const isFilling =
    source.every((line) => line === '') && target.length === 1 && target[0] === 'not populated';
  return kind.endsWith(' large object') || (kind === 'materialized view' && isFilling);
}

/** What an empty database may have all the same: extensions with what is theirs, and properties of its own. */
function hadBefore({ kind, object }: ObjectDifference, { target }: Plan): boolean {
  if (/^(setting|default privileges|grants on|comment of|connection limit of)/.test(kind)) {
    return (
      kind === 'default privileges' || object.includes('the database') || object.endsWith(' in the database')
    );
  }
  const extension = /^(?:comment on |owner of )?extension$/.test(kind);
  const name = object.replaceAll('"', '');
  return extension && (name === 'plpgsql' || target.extensions.some((one) => one.name === name));
}

/** What a provider grants on the extension's own objects; chunks are in another schema. */
function isOfTimescale(kind: string, object: string): boolean {
  return kind === 'grants on schema'
    ? object.startsWith('_timescaledb_')
    : /^_timescaledb_(catalog|config|functions|cache|debug)\.|\btimescaledb_(pre|post)_restore\(\)$/.test(
        object,
      );
}

/** `role may SELECT by grantor`, and the same without the grantor. */
function sameButGrantor(source: readonly string[], target: readonly string[]): boolean {
  const given = (lines: readonly string[]): string =>
    lines
      .map((line) => line.replace(/ by .*$/s, ''))
      .sort()
      .join('\n');
  return given(source) === given(target);
}

/** PostgreSQL keeps no grant to an owner beside what an owner may anyway. */
function isMergedWithOwner({ kind, object, source, target }: ObjectDifference, plan: Plan): boolean {
  const isColumn = kind === 'grants on column';
  const owners = ownersOnTarget(isColumn ? object.replace(/\.[^.]*$/s, '') : object, plan);
  // A column has no grants at first, not even the owner's.
  const names = [...owners.map(shownIdentifier), ...(isColumn ? ['the owner'] : [])];
  const others = (lines: readonly string[]): string =>
    lines
      .filter((line) => !names.some((name) => line.startsWith(`${name} may `)))
      .sort()
      .join('\n');
  return owners.length > 0 && others(source) === others(target);
}

/** Those who may own an object there, by its name in the comparison. */
function ownersOnTarget(object: string, { schema, owners, options, target: { server } }: Plan): string[] {
  const plain = (name: string): string => name.replaceAll(/["\s]/g, '');
  const named = plain(object);
  const entry = [...schema.before, ...schema.early, ...schema.after].find(
    ({ kind, schema: within, tag }) =>
      plain(kind === 'SCHEMA' || within === undefined ? tag : `${within}.${tag}`) === named,
  );
  if (!entry?.owner) return [];
  const mapped = options.owners ? [owners.ownerOf(entry.owner)] : [];
  return options.owners && server.isSuperuser ? mapped : [...mapped, server.role];
}

function isOwnerLine(line: string): boolean {
  return line.startsWith('owner = ');
}

/** `role may SELECT`, of a role that owns something on the source. */
function isOwnersGrant(line: string, { schema }: Plan): boolean {
  return schema.before.some(({ owner }) => owner && line.startsWith(`${owner} may `));
}

function different({ relations, objects }: Verification): HyperferryError {
  const found = [
    ...relations.different.map(({ relation, state }) => `rows of ${relation}: ${state}`),
    ...objects.different.map(({ kind, object, state, ...lines }) =>
      [`${kind} ${object}: ${state}`, describeLines(lines)].filter((part) => part !== '').join(' '),
    ),
  ];
  const more = found.length - DIFFERENCES_SHOWN;
  return new HyperferryError(
    'DIFFERENT',
    `source and target are not equal: ${found.slice(0, DIFFERENCES_SHOWN).join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
    {
      hint: 'hyperferry verify --source … --target … shows the rows and definitions that differ. The next attempt copies relations whose rows differ again.',
      isFinal: objects.different.length > 0,
    },
  );
}

/** The first line that each side has alone. */
function describeLines({ source, target }: Pick<ObjectDifference, 'source' | 'target'>): string {
  if (source.length === 0 && target.length === 0) return '';
  return `(source: ${firstOf(source)}, target: ${firstOf(target)})`;
}

function firstOf([first = '–', ...more]: readonly string[]): string {
  return more.length > 0 ? `${first} …` : first;
}
