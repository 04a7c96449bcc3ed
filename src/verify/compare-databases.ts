import type { Emit } from '../engine/events.js';
import type { Extension } from '../inventory/extensions.js';
import { type Inventory, readInventory } from '../inventory/inventory.js';
import type { Relation } from '../inventory/relations.js';
import { readSequenceValues, type SequenceValue } from '../inventory/sequences.js';
import type { LeftOut } from '../plan/left-out.js';
import { HyperferryError } from '../postgres/error.js';
import type { Session, Side } from '../postgres/session.js';
import { readChunksOfCompressed } from '../timescale/hypertables.js';
import { readCatalog } from './catalog.js';
import { type ColumnsByRelation, readColumns } from './columns.js';
import { ObjectSet } from './compare-objects.js';
import { compareRows } from './compare-rows.js';
import { pairRelations } from './compared-relation.js';
import { databaseObjects, sequenceObjects } from './database-objects.js';
import { readDefinitions } from './definitions/read-definitions.js';
import { reasonFor } from './explain.js';
import { readLargeObjectContents } from './large-objects.js';
import { type RoleScope, readUsedRoles, roleObjects } from './roles.js';
import type { EncodingMatch } from './row-hash.js';
import { type ComparedSide, withComparingSession } from './side.js';
import { relationMatcher } from './table-pattern.js';
import type { ObjectDifference, Verification, VerifyMode } from './verification.js';

/** One side as the caller of a comparison gives it. */
export interface SideAccess {
  /** How the side is named in the result; never with a password. */
  readonly name: string;
  /** Opens a session with the fixed state of `Session.open`. */
  open(): Promise<Session>;
  /** An exported snapshot to read; without one, the caller knows that nobody changes the database. */
  readonly snapshot?: string | undefined;
  /** As of the snapshot; read when it is not given. */
  readonly inventory?: Inventory | undefined;
}

export interface CompareContext {
  readonly source: SideAccess;
  readonly target: SideAccess;
  readonly mode: VerifyMode;
  /** Workers on each side. */
  readonly jobs: number;
  /** What a plan left out: differences that follow from it are shown as meant. */
  readonly leftOut?: readonly LeftOut[];
  /** Whether owners and grants were to be carried over; true unless said. */
  readonly owners?: boolean;
  readonly privileges?: boolean;
  /** The reason for a difference that the caller means; asked before anything else. */
  readonly explain?: (difference: ObjectDifference) => string | undefined;
  /** Which roles of the source's server the target must have; those that the database uses unless said. */
  readonly roles?: RoleScope;
  /** The values that the source's sequences had when they were copied; those that they have now unless given. */
  readonly sequenceValues?: readonly SequenceValue[];
  /** How many differing rows of a relation are shown; 10 unless said. */
  readonly examples?: number;
  /** A pattern of tables whose rows are compared; all unless given. Then definitions are not compared. */
  readonly tables?: string | undefined;
  readonly emit?: Emit;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compares two databases: the rows of each relation as they are stored, definitions, the catalogs of extensions,
 * sequences, roles and large objects. Reads both sides in transactions that change nothing, and takes no lock above
 * ACCESS SHARE.
 *
 * @throws HyperferryError when a side cannot be read: then nothing is known of equality
 */
export async function compareDatabases(context: CompareContext): Promise<Verification> {
  const begun = performance.now();
  const [source, target] = await Promise.all([
    readSide('source', context.source, context),
    readSide('target', context.target, context),
  ]);
  const objects = context.tables !== undefined ? undefined : await compareObjects(source, target, context);
  const pairs = pairRelations(
    source.inventory,
    target.inventory,
    { source: source.columns, target: target.columns },
    (relation, side) => (side === source.inventory ? source : target).isMeant(relation),
  );
  const rows = await compareRows(source, target, pairs, {
    mode: context.mode,
    encodings: encodingsOf(source, target),
    jobs: context.jobs,
    examples: context.examples ?? 10,
    signal: context.signal,
    emit: context.emit ?? (() => {}),
  });
  return {
    source: context.source.name,
    target: context.target.name,
    mode: context.mode,
    equal: rows.differences.length === 0 && (objects?.different.length ?? 0) === 0,
    relations: {
      compared: pairs.both.length + pairs.onlySource.length + pairs.onlyTarget.length,
      different: rows.differences,
    },
    rows: { source: rows.sourceRows, target: rows.targetRows },
    logical: undefined,
    objects: { compared: objects?.compared ?? 0, different: objects?.different ?? [] },
    explained: objects?.explained ?? [],
    leftOut: context.leftOut ?? [],
    notCompared: objects?.notCompared ?? [],
    seconds: Math.round(performance.now() - begun) / 1000,
  };
}

/** A side with what is known of it before its rows are read. */
export interface KnownSide extends ComparedSide {
  readonly columns: ColumnsByRelation;
  /** Whether a relation is among the tables that are to be compared. */
  isMeant(relation: Relation): boolean;
}

/** @throws HyperferryError `UNSUITABLE` when the other side would give other hashes */
export async function readSide(
  side: Side,
  access: SideAccess,
  { tables, signal }: Pick<CompareContext, 'tables' | 'signal'>,
): Promise<KnownSide> {
  const open = { side, snapshot: access.snapshot, open: () => access.open() };
  const unknown = { ...open, inventory: undefined as unknown as Inventory };
  return withComparingSession(unknown, signal, async (session) => {
    await expectKnownHash(session);
    const inventory = access.inventory ?? (await readInventory(session));
    const compressed =
      tables === undefined || !inventory.timescale ? new Map() : await readChunksOfCompressed(session);
    return {
      ...open,
      inventory,
      columns: await readColumns(session),
      isMeant: tables === undefined ? () => true : relationMatcher(tables, inventory, compressed),
    };
  });
}

const HASH_OF_PROBE = `SELECT pg_catalog.hashtextextended('hyperferry' COLLATE pg_catalog."C", 0)::text AS hash`;

/** The hash of a text depends on the order of the machine's bytes, which is one nearly everywhere. */
const EXPECTED_HASH = '-1750414316079001706';

async function expectKnownHash(session: Session): Promise<void> {
  const { hash } = await session.one<{ hash: string }>(HASH_OF_PROBE);
  if (hash === EXPECTED_HASH) return;
  throw new HyperferryError(
    'UNSUITABLE',
    `expected the ${session.side} to hash a text to ${EXPECTED_HASH}, got ${hash}: its machine has another order of bytes`,
    { hint: 'Compare the numbers of rows alone: --mode counts' },
  );
}

export function encodingsOf(source: ComparedSide, target: ComparedSide): EncodingMatch {
  const [a, b] = [source, target].map(({ inventory }) => inventory.server.encoding);
  return a === b ? 'same encoding' : 'other encoding';
}

interface ComparedObjects {
  readonly compared: number;
  readonly different: readonly ObjectDifference[];
  readonly explained: Verification['explained'];
  readonly notCompared: readonly LeftOut[];
}

async function compareObjects(
  source: KnownSide,
  target: KnownSide,
  context: CompareContext,
): Promise<ComparedObjects> {
  const areas = await Promise.all([
    readObjects(source, target, context),
    readObjects(target, source, context),
  ]);
  const [left, right] = areas;
  const found = withoutDependents(
    left.flatMap(([area, objects], index) =>
      objects.differencesTo(right[index]?.[1] ?? new ObjectSet(), area),
    ),
  );
  const intent = {
    owners: context.owners ?? true,
    privileges: context.privileges ?? true,
    leftOut: context.leftOut ?? [],
  };
  const different: ObjectDifference[] = [];
  const explained: { difference: ObjectDifference; reason: string }[] = [];
  const isComparable = hasVersionOf(target);
  const notCompared: LeftOut[] = source.inventory.extensions
    .filter((extension) => extension.configuration.length > 0 && !isComparable(extension))
    .map(({ name }) => ({
      object: `catalog of extension ${name}`,
      reason: 'the two sides have different versions of it; --logical compares what applications read',
    }));
  const majorsDiffer = source.inventory.server.major !== target.inventory.server.major;
  for (const difference of found) {
    const reason = context.explain?.(difference) ?? reasonFor(difference, intent);
    if (reason) explained.push({ difference, reason });
    else if (isServersMatter(difference)) continue;
    else if (majorsDiffer && isPrintedQuery(difference)) {
      notCompared.push({
        object: `${difference.kind} ${difference.object}`,
        reason: 'the two major versions of PostgreSQL print it in different ways',
      });
    } else different.push(difference);
  }
  return {
    compared: left.reduce((sum, [, objects]) => sum + objects.size, 0),
    different,
    explained,
    notCompared,
  };
}

/** An object that one side lacks has no columns, owner, grants and comments there either. */
function withoutDependents(differences: readonly ObjectDifference[]): ObjectDifference[] {
  const key = ({ state, object }: ObjectDifference, kind: string): string => `${state} ${kind} ${object}`;
  const missing = new Set(
    differences.filter(({ state }) => state !== 'different').map((one) => key(one, one.kind)),
  );
  return differences.filter((one) => {
    const whole =
      /^(?:columns of|query of|tablespace of|owner of|grants on|comment on|attributes of) (.*)$/.exec(
        one.kind,
      );
    return !whole || !missing.has(key(one, whole[1] ?? ''));
  });
}

/** Another version of an extension keeps what it knows in other tables. */
function hasVersionOf({ inventory }: KnownSide): (extension: Extension) => boolean {
  const versions = new Map(inventory.extensions.map(({ name, version }) => [name, version]));
  return ({ name, version }) => versions.get(name) === version;
}

/** A server may have more roles than the source's, and settings for them. */
function isServersMatter({ area, state }: ObjectDifference): boolean {
  return area === 'role' && state === 'missing on source';
}

/** A query that is printed from its parsed form: columns are qualified by other rules in other versions. */
function isPrintedQuery({ kind, state }: ObjectDifference): boolean {
  return state === 'different' && (kind.startsWith('query of') || kind === 'rule');
}

type Areas = readonly (readonly [ObjectDifference['area'], ObjectSet])[];

async function readObjects(side: KnownSide, other: KnownSide, context: CompareContext): Promise<Areas> {
  const { inventory, columns } = side;
  return withComparingSession(side, context.signal, async (session) => {
    const definitions = databaseObjects(inventory);
    const versions = {
      server: inventory.server.version,
      older: Math.min(inventory.server.version, other.inventory.server.version),
    };
    for (const { kind, object, text } of await readDefinitions(session, versions)) {
      definitions.add(kind, object, text.split('\n'));
    }
    const isSource = side.side === 'source';
    const sequences =
      (isSource ? context.sequenceValues : undefined) ??
      (await readSequenceValues(session, inventory.sequences));
    const used = await readUsedRoles(session, inventory);
    const connecting = (isSource ? other : side).inventory.server.role;
    const roles = roleObjects(
      inventory,
      (role) => !isSource || context.roles === 'all' || used.has(role),
      new Set(['postgres', connecting]),
    );
    return [
      ['definition', definitions],
      ['catalog', await readCatalog(session, inventory, columns, hasVersionOf(other))],
      ['sequence', sequenceObjects(sequences)],
      ['role', roles],
      ['large object', await readLargeObjectContents(session, inventory.largeObjects)],
    ];
  });
}
