import type { LeftOut } from '../plan/left-out.js';
import type { CompareContext } from './compare-context.js';
import { reasonFor } from './explain.js';
import type { KnownSide } from './known-side.js';
import { compareQueries } from './object-queries.js';
import { ObjectSet } from './object-set.js';
import { withComparingSession } from './side.js';
import { hasVersionOf, readObjects, recordedObjects, type SideObjects } from './side-objects.js';
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
  const { compared, differences } = await withComparingSession(target, context.signal, async (right) => {
    const readTarget = () => readObjects({ side: target, other: source, session: right }, context);
    if (source.record) {
      return differencesOf(recordedObjects(source.record, target, context), await readTarget());
    }
    return withComparingSession(source, context.signal, async (left) => {
      const readSource = () => readObjects({ side: source, other: target, session: left }, context);
      return differencesOf(...(await Promise.all([readSource(), readTarget()])));
    });
  });
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
  const alike = extensionsAlike(source, target);
  const majorsDiffer = source.inventory.server.major !== target.inventory.server.major;
  for (const difference of withoutDependents(differences)) {
    const reason = context.explain?.(difference) ?? reasonFor(difference, intent);
    if (reason) explained.push({ difference, reason });
    else if (isServersMatter(difference) || isExtensionsMatter(difference, alike)) continue;
    else if (majorsDiffer && isPrintedQuery(difference)) {
      notCompared.push({
        object: `${difference.kind} ${difference.object}`,
        reason: 'the two major versions of PostgreSQL print it in different ways',
      });
    } else different.push(difference);
  }
  return { compared, different, explained, notCompared };
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

/** A server may have more roles than the source's, and settings for them. */
function isServersMatter({ area, state }: ObjectDifference): boolean {
  return area === 'role' && state === 'missing on source';
}

/** The names of extensions whose members have the same names on both sides. */
function extensionsAlike(source: KnownSide, target: KnownSide): Set<string> {
  const schemas = new Map(target.inventory.extensions.map(({ name, schema }) => [name, schema]));
  const alike = source.inventory.extensions
    .filter(hasVersionOf(target))
    .filter(({ name, schema }) => schemas.get(name) === schema);
  return new Set(alike.map(({ name }) => name));
}

/**
 * What only the target's extension has was made by its script there; what only the source's has was added to it by ALTER
 * EXTENSION … ADD, where the two are alike.
 */
function isExtensionsMatter({ kind, state }: ObjectDifference, alike: ReadonlySet<string>): boolean {
  const extension = /^member of extension (.*)$/s.exec(kind)?.[1];
  return extension !== undefined && (state === 'missing on source' || !alike.has(extension));
}

/** A query that is printed from its parsed form: columns are qualified by other rules in other versions. */
function isPrintedQuery({ kind, state }: ObjectDifference): boolean {
  return state === 'different' && (kind.startsWith('query of') || kind === 'rule');
}

async function differencesOf(
  source: SideObjects,
  target: SideObjects,
): Promise<{ readonly compared: number; readonly differences: readonly ObjectDifference[] }> {
  const { compared, differences } = await compareQueries(source.asked, target.asked);
  const few = [...source.few];
  return {
    compared: few.reduce((sum, [, objects]) => sum + objects.size, compared),
    differences: [
      ...differences,
      ...few.flatMap(([area, objects]) =>
        objects.differencesTo(target.few.get(area) ?? new ObjectSet(), area),
      ),
    ],
  };
}
