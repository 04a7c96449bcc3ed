import type { ConfigurationRelation, Extension } from '../inventory/extensions.js';
import { readSequenceValues } from '../inventory/sequences.js';
import type { LeftOut } from '../plan/left-out.js';
import type { Session } from '../postgres/session.js';
import { catalogQueries, readCatalogSequences } from './catalog.js';
import type { CompareContext } from './compare-context.js';
import { nameOf } from './compared-relation.js';
import { databaseObjects, sequenceObjects } from './database-objects.js';
import type { Definition } from './definitions/definition.js';
import { DEFINITION_QUERIES } from './definitions/definition-queries.js';
import { reasonFor } from './explain.js';
import type { KnownSide } from './known-side.js';
import { readLargeObjectContents } from './large-objects.js';
import { type AskedSide, compareQueries, type ObjectQuery } from './object-queries.js';
import { ObjectSet } from './object-set.js';
import { readUsedRoles, roleObjects } from './roles.js';
import { withComparingSession } from './side.js';
import type { SideRecord } from './side-record.js';
import type { ObjectDifference, Verification } from './verification.js';

export interface ComparedObjects {
  readonly compared: number;
  readonly different: readonly ObjectDifference[];
  readonly explained: Verification['explained'];
  readonly notCompared: readonly LeftOut[];
}

/** Compares definitions, the catalogs of extensions, sequences, roles and large objects. */
export async function compareObjects(
  source: KnownSide,
  target: KnownSide,
  context: CompareContext,
): Promise<ComparedObjects> {
  const { compared, differences } = source.record
    ? await differencesToRecord(source.record, target, await readAllObjects(target, source, context), context)
    : await withComparingSession(source, context.signal, (left) =>
        withComparingSession(target, context.signal, (right) =>
          readDifferences(
            { side: source, other: target, session: left },
            { side: target, other: source, session: right },
            context,
          ),
        ),
      );
  const found = withoutDependents(differences.filter(({ area }) => isMeant(area, context)));
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
  return { compared, different, explained, notCompared };
}

function isMeant(area: ObjectDifference['area'], { areas }: Pick<CompareContext, 'areas'>): boolean {
  return areas?.has(area) ?? true;
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

type ObjectContext = Pick<CompareContext, 'signal' | 'sequenceValues'>;

/** A side that is being read, and the one that it is compared to. */
interface Reading {
  readonly side: KnownSide;
  readonly other: KnownSide;
  readonly session: Session;
}

async function readDifferences(
  source: Reading,
  target: Reading,
  context: CompareContext,
): Promise<{ readonly compared: number; readonly differences: readonly ObjectDifference[] }> {
  const [asked, askedThere] = await Promise.all([queriesOf(source), queriesOf(target)]);
  const { compared, differences } = await compareQueries(asked, askedThere);
  const [left, right] = await Promise.all([readObjects(source, context), readObjects(target, context)]);
  return {
    compared: left.reduce((sum, [, objects]) => sum + objects.size, compared),
    differences: [
      ...differences,
      ...left.flatMap(([area, objects], index) =>
        objects.differencesTo(right[index]?.[1] ?? new ObjectSet(), area),
      ),
    ],
  };
}

/** All that is compared of a side, object by object. */
export async function readAllObjects(
  side: KnownSide,
  other: KnownSide,
  context: ObjectContext,
): Promise<Areas> {
  return withComparingSession(side, context.signal, async (session) => {
    const reading = { side, other, session };
    const { queries } = await queriesOf(reading);
    const areas = new Map(await readObjects(reading, context));
    for (const { area, text, add } of queries.values()) {
      const objects = areas.get(area) ?? new ObjectSet();
      areas.set(area, objects);
      await session.each(text, (row) => add(objects, row));
    }
    return [...areas];
  });
}

async function differencesToRecord(
  record: SideRecord,
  target: KnownSide,
  found: Areas,
  context: Pick<CompareContext, 'areas'>,
): Promise<{ readonly compared: number; readonly differences: readonly ObjectDifference[] }> {
  const there = new Map(found);
  const recorded = (await recordedObjects(record, target)).filter(([area]) => isMeant(area, context));
  return {
    compared: recorded.reduce((sum, [, objects]) => sum + objects.size, 0),
    differences: recorded.flatMap(([area, objects]) =>
      objects.differencesTo(there.get(area) ?? new ObjectSet(), area),
    ),
  };
}

/** What is many where chunks are many: definitions, and the catalogs of extensions. */
async function queriesOf({ side, other, session }: Reading): Promise<AskedSide> {
  const { version } = side.inventory.server;
  const versions = { server: version, older: Math.min(version, other.inventory.server.version) };
  const definitions = DEFINITION_QUERIES.map(
    (query, at) => [`definitions ${at}`, definitionQuery(query(versions))] as const,
  );
  const catalogs = await catalogQueries(session, side.columns, comparableConfiguration(side, other));
  return { session, queries: new Map([...definitions, ...catalogs]) };
}

function definitionQuery(text: string): ObjectQuery {
  return {
    area: 'definition',
    text,
    add: (objects, row) => {
      const { kind, object, text } = row as Definition;
      objects.add(kind, object, text.split('\n'));
    },
  };
}

function comparableConfiguration({ inventory }: KnownSide, other: KnownSide): ConfigurationRelation[] {
  return inventory.extensions.filter(hasVersionOf(other)).flatMap(({ configuration }) => configuration);
}

/** Objects by what they are of. */
export type Areas = readonly (readonly [ObjectDifference['area'], ObjectSet])[];

async function readObjects({ side, other, session }: Reading, context: ObjectContext): Promise<Areas> {
  const { inventory } = side;
  const isSource = side.side === 'source';
  const access = side.largeObjectAccess === other.largeObjectAccess ? side.largeObjectAccess : 'functions';
  const sequences =
    (isSource ? context.sequenceValues : undefined) ??
    (await readSequenceValues(session, inventory.sequences));
  const used = await readUsedRoles(session, inventory);
  const connecting = (isSource ? other : side).inventory.server.role;
  const roles = roleObjects(
    inventory,
    (role) => !isSource || used.has(role),
    new Set(['postgres', connecting]),
  );
  return [
    ['definition', databaseObjects(inventory)],
    ['catalog', await readCatalogSequences(session, comparableConfiguration(side, other))],
    ['sequence', sequenceObjects(sequences)],
    ['role', roles],
    ['large object', await readLargeObjectContents(session, inventory.largeObjects, access)],
  ];
}

/** Less the catalogs of extensions that the other side has in another version. */
async function recordedObjects({ inventory, readObjects }: SideRecord, other: KnownSide): Promise<Areas> {
  const isComparable = hasVersionOf(other);
  const others = new Set(
    inventory.extensions
      .filter((extension) => !isComparable(extension))
      .flatMap(({ configuration }) => configuration.map(nameOf)),
  );
  const objects = (await readObjects?.()) ?? [];
  return objects.map(([area, recorded]) => [
    area,
    new ObjectSet(
      area === 'catalog'
        ? recorded.filter(([kind, object]) => !others.has(kind === 'sequence' ? object : kind))
        : recorded,
    ),
  ]);
}
