import { readInventory } from '../inventory/inventory.js';
import type { Relation } from '../inventory/relations.js';
import type { LeftOut } from '../plan/left-out.js';
import { HyperferryError } from '../postgres/error.js';
import type { Session, Side } from '../postgres/session.js';
import { readChunksOfCompressed } from '../timescale/hypertables.js';
import { type ColumnsByRelation, readColumns } from './columns.js';
import type { CompareContext, ComparedSource } from './compare-context.js';
import { type LargeObjectAccess, readLargeObjectAccess } from './large-objects.js';
import type { DefinitionSums } from './noted-definitions.js';
import type { EncodingMatch } from './row-hash.js';
import { type ComparedSide, withComparingSession } from './side.js';
import type { SideRecord } from './side-record.js';
import { relationMatcher } from './table-pattern.js';
import { withoutOids } from './unstable-columns.js';

/** A side with what is known of it before its rows are read. */
export interface KnownSide extends ComparedSide {
  readonly columns: ColumnsByRelation;
  /** Columns of compressed rows that are left out of it. */
  readonly notCompared: readonly LeftOut[];
  readonly largeObjectAccess: LargeObjectAccess;
  /** The chunk whose compressed rows a relation holds, by both OIDs. */
  readonly chunksOfCompressed: ReadonlyMap<number, number>;
  /** What was noted of its definitions. */
  readonly definitions: Promise<DefinitionSums> | undefined;
  /** Where the side is not there to be asked. */
  readonly record: SideRecord | undefined;
  /** Whether a relation is among the tables that are to be compared. */
  isMeant(relation: Relation): boolean;
}

/** @throws HyperferryError `UNSUITABLE` when the other side would give other hashes */
export async function readSide(
  side: Side,
  access: ComparedSource,
  { tables, mode, signal }: Pick<CompareContext, 'tables' | 'mode' | 'signal'>,
): Promise<KnownSide> {
  if ('totals' in access) return recordedSide(side, access, tables);
  const open = { side, snapshot: access.snapshot, open: () => access.open() };
  return withComparingSession(open, signal, async (session) => {
    if (mode === 'checksums') await expectKnownHash(session);
    const inventory = access.inventory ?? (await readInventory(session));
    const compressed = inventory.timescale
      ? await readChunksOfCompressed(session)
      : new Map<number, number>();
    return {
      ...open,
      inventory,
      ...withoutOids(await readColumns(session), inventory, compressed),
      largeObjectAccess: await readLargeObjectAccess(session),
      chunksOfCompressed: compressed,
      definitions: access.definitions,
      record: undefined,
      isMeant: tables === undefined ? () => true : relationMatcher(tables, inventory, compressed),
    };
  });
}

function recordedSide(side: Side, record: SideRecord, tables: string | undefined): KnownSide {
  const { inventory, chunksOfCompressed } = record;
  return {
    ...record,
    side,
    record,
    definitions: undefined,
    snapshot: undefined,
    largeObjectAccess: 'functions',
    open: () => {
      throw new HyperferryError('INTERNAL', `${record.name} is a record, which cannot be asked`);
    },
    isMeant: tables === undefined ? () => true : relationMatcher(tables, inventory, chunksOfCompressed),
  };
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

export function encodingsOf(source: KnownSide, target: KnownSide): EncodingMatch {
  if (source.record) return 'other encoding';
  const [a, b] = [source, target].map(({ inventory }) => inventory.server.encoding);
  return a === b ? 'same encoding' : 'other encoding';
}
