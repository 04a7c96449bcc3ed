import type { Extension } from '../inventory/extensions.js';
import { readSequenceValues } from '../inventory/sequences.js';
import type { LeftOut } from '../plan/left-out.js';
import { readCatalog } from './catalog.js';
import type { CompareContext } from './compare-context.js';
import { nameOf } from './compared-relation.js';
import { databaseObjects, sequenceObjects } from './database-objects.js';
import { readDefinitions } from './definitions/read-definitions.js';
import { reasonFor } from './explain.js';
import type { KnownSide } from './known-side.js';
import { readLargeObjectContents } from './large-objects.js';
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

export async function readObjects(
  side: KnownSide,
  other: KnownSide,
  context: Pick<CompareContext, 'signal' | 'sequenceValues'>,
): Promise<Areas> {
  const { inventory, columns, record } = side;
  if (record) return recordedObjects(record, other);
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
      ['definition', definitions],
      ['catalog', await readCatalog(session, inventory, columns, hasVersionOf(other))],
      ['sequence', sequenceObjects(sequences)],
      ['role', roles],
      ['large object', await readLargeObjectContents(session, inventory.largeObjects, access)],
    ];
  });
}

/** Less the catalogs of extensions that the other side has in another version. */
function recordedObjects({ inventory, objects = [] }: SideRecord, other: KnownSide): Areas {
  const isComparable = hasVersionOf(other);
  const others = new Set(
    inventory.extensions
      .filter((extension) => !isComparable(extension))
      .flatMap(({ configuration }) => configuration.map(nameOf)),
  );
  return objects.map(([area, recorded]) => [
    area,
    new ObjectSet(
      area === 'catalog'
        ? recorded.filter(([kind, object]) => !others.has(kind === 'sequence' ? object : kind))
        : recorded,
    ),
  ]);
}
