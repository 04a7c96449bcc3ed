import type { ConfigurationRelation, Extension } from '../inventory/extensions.js';
import { readSequenceValues } from '../inventory/sequences.js';
import type { Session } from '../postgres/session.js';
import { readMissingValues } from '../timescale/missing-values.js';
import { catalogQueries, readCatalogSequences } from './catalog.js';
import type { CompareContext } from './compare-context.js';
import { nameOf } from './compared-relation.js';
import { databaseObjects, sequenceObjects } from './database-objects.js';
import type { KnownSide } from './known-side.js';
import { readLargeObjectContents } from './large-objects.js';
import { asNoted, changedWhileRead, definitionQueries } from './noted-definitions.js';
import { type AskedSide, askServer, type ObjectQuery, readWithSum } from './object-queries.js';
import { ObjectSet, type RecordedObject } from './object-set.js';
import { readUsedRoles, roleObjects } from './roles.js';
import { withComparingSession } from './side.js';
import type { RecordedObjects, RecordedSum, SideRecord } from './side-record.js';
import type { ObjectDifference } from './verification.js';

type ObjectContext = Pick<CompareContext, 'signal' | 'sequenceValues' | 'areas'>;

/** A side that is being read, and the one that it is compared to. */
interface Reading {
  readonly side: KnownSide;
  readonly other: KnownSide;
  readonly session: Session;
}

/** What is compared of a side: what is asked for by queries, and the rest. */
export interface SideObjects {
  readonly asked: AskedSide;
  readonly few: ReadonlyMap<ObjectDifference['area'], ObjectSet>;
}

export async function readObjects(reading: Reading, context: ObjectContext): Promise<SideObjects> {
  const queries = [...(await queriesOf(reading))].filter(([, { area }]) => isMeant(area, context));
  const few = (await readFew(reading, context)).filter(([area]) => isMeant(area, context));
  const asked = askServer(reading.session, new Map(queries));
  const { side } = reading;
  const sums = await side.definitions;
  return { asked: sums ? asNoted(asked, sums, side.side) : asked, few: new Map(few) };
}

/** Notes what a comparison will ask of a side that will not be there any more. */
export async function noteObjects(
  side: KnownSide,
  context: ObjectContext,
  note: (query: string, object: RecordedObject) => void,
): Promise<Omit<RecordedObjects, 'read'>> {
  return withComparingSession(side, context.signal, async (session) => {
    const reading = { side, other: side, session };
    const few = await readFew(reading, context);
    const { encoding } = side.inventory.server;
    const sums = new Map<string, RecordedSum>();
    for (const [name, query] of await queriesOf(reading)) {
      const sum = await readWithSum(session, query, encoding, (object) => note(name, object)).catch(
        (error: unknown) => {
          throw changedWhileRead(error, side.side);
        },
      );
      sums.set(name, { ...sum, area: query.area });
    }
    return { few: few.map(([area, objects]) => [area, [...objects]]), sums };
  });
}

/** Less the catalogs of extensions that the other side has in another version. */
export function recordedObjects(
  { inventory, objects }: SideRecord,
  other: KnownSide,
  context: Pick<CompareContext, 'areas'>,
): SideObjects {
  const isComparable = hasVersionOf(other);
  const others = new Set(
    inventory.extensions
      .filter((extension) => !isComparable(extension))
      .flatMap(({ configuration }) => configuration.map(nameOf)),
  );
  const sums = new Map(
    [...(objects?.sums ?? [])].filter(([name, { area }]) => isMeant(area, context) && !others.has(name)),
  );
  const few = (objects?.few ?? [])
    .filter(([area]) => isMeant(area, context))
    .map(([area, recorded]) => {
      const comparable = recorded.filter(
        ([kind, object]) => area !== 'catalog' || kind !== 'sequence' || !others.has(object),
      );
      return [area, new ObjectSet(comparable)] as const;
    });
  return {
    asked: {
      areas: new Map([...sums].map(([name, { area }]) => [name, area])),
      isRecorded: true,
      readSums: async () => sums,
      readObjects: async (queries) => new ObjectSet((await objects?.read(queries)) ?? []),
    },
    few: new Map(few),
  };
}

function isMeant(area: ObjectDifference['area'], { areas }: Pick<CompareContext, 'areas'>): boolean {
  return areas?.has(area) ?? true;
}

/** What is many where chunks are many: definitions, and the catalogs of extensions. */
async function queriesOf({ side, other, session }: Reading): Promise<Map<string, ObjectQuery>> {
  const { version } = side.inventory.server;
  const versions = { server: version, older: Math.min(version, other.inventory.server.version) };
  const catalogs = await catalogQueries(session, side.columns, comparableConfiguration(side, other));
  return new Map([...definitionQueries(versions), ...catalogs]);
}

function comparableConfiguration({ inventory }: KnownSide, other: KnownSide): ConfigurationRelation[] {
  return inventory.extensions.filter(hasVersionOf(other)).flatMap(({ configuration }) => configuration);
}

/** What is few, by what it is of. */
async function readFew(
  { side, other, session }: Reading,
  context: ObjectContext,
): Promise<(readonly [ObjectDifference['area'], ObjectSet])[]> {
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
  const catalog = await readCatalogSequences(session, comparableConfiguration(side, other));
  // Not those of the inventory, whose session may print times of another zone.
  const isAsked = inventory.timescale && isMeant('catalog', context);
  for (const missing of isAsked ? await readMissingValues(session) : []) {
    if (!missing.isCompressed) continue; // its rows were copied with all columns
    const { schema, table, column, value } = missing;
    catalog.add('missing value', `${column} of ${nameOf({ schema, name: table })}`, [value]);
  }
  return [
    ['definition', databaseObjects(inventory)],
    ['catalog', catalog],
    ['sequence', sequenceObjects(sequences)],
    ['role', roles],
    ['large object', await readLargeObjectContents(session, inventory.largeObjects, access)],
  ];
}

/** Another version of an extension keeps what it knows in other tables. */
export function hasVersionOf({ inventory }: KnownSide): (extension: Extension) => boolean {
  const versions = new Map(inventory.extensions.map(({ name, version }) => [name, version]));
  return ({ name, version }) => versions.get(name) === version;
}
