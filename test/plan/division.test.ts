import { expect, test } from 'vitest';
import { readInventory } from '../../src/inventory/inventory.js';
import { type Division, divideArchive } from '../../src/plan/division.js';
import { readArchiveToc, type TocEntry } from '../../src/postgres/archive/archive-toc.js';
import { findPgDump, runClientProgram } from '../../src/postgres/client-programs.js';
import { parseConnection } from '../../src/postgres/connection-string.js';
import { Session } from '../../src/postgres/session.js';
import { makeDatabases } from '../integration/databases.js';
import { apachePair, communityPair, hasCommunity, type Pair } from '../integration/servers.js';
import { OBJECTS_OF_MANY_KINDS } from '../postgres/objects.js';

/** A chunk that a foreign key references cannot be compressed. */
const COMMUNITY_OBJECTS = `${OBJECTS_OF_MANY_KINDS}
DROP TABLE app.alarm;
ALTER TABLE app.reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
SELECT compress_chunk('_timescaledb_internal._hyper_1_1_chunk');
CREATE MATERIALIZED VIEW app.daily WITH (timescaledb.continuous) AS
  SELECT time_bucket('1 day', at) AS day, max(value) FROM app.reading GROUP BY 1 WITH NO DATA;`;

test('each entry of an archive is in exactly one part', async () => {
  const { archive, division } = await divide(await apachePair(), 'division', OBJECTS_OF_MANY_KINDS);
  expect(dumpIdsOf(division)).toEqual(archive.map(({ dumpId }) => dumpId).toSorted((a, b) => a - b));
});

test.skipIf(!hasCommunity)(
  `so it is with compressed chunks and continuous aggregates${hasCommunity ? '' : ' (skipped: no community edition)'}`,
  async () => {
    const { archive, division } = await divide(await communityPair(), 'division_tsl', COMMUNITY_OBJECTS);
    expect(dumpIdsOf(division)).toEqual(archive.map(({ dumpId }) => dumpId).toSorted((a, b) => a - b));
  },
);

test('each part holds what its stage can make', async () => {
  const { division } = await divide(await apachePair(), 'division_parts', OBJECTS_OF_MANY_KINDS);
  const tags = (part: readonly TocEntry[]) => part.map(({ kind, tag }) => `${kind} ${tag}`);
  const indexes = tags([...division.indexes.values()].flat());
  expect(indexes).toContain('CONSTRAINT device device_pkey');
  expect(indexes).toContain('INDEX in"dex');
  expect(tags(division.hypertableKeys)).toEqual(['FK CONSTRAINT alarm alarm_at_device_fkey']);
  expect(tags(division.foreignKeys)).toContain('FK CONSTRAINT reading reading_device_fkey');
  expect(tags(division.last)).toContain('EVENT TRIGGER watch');
  expect(tags(division.privileges)).toContain('ACL COLUMN device.name');
  expect(tags(division.before)).toContain('COMMENT TABLE device');
  expect(tags(division.comments)).toContain('COMMENT INDEX by_twice');
  expect(tags(division.elsewhere)).toContain('EXTENSION timescaledb');
});

test('an entry comes after those that it needs', async () => {
  const { archive, division } = await divide(await apachePair(), 'division_order', OBJECTS_OF_MANY_KINDS);
  const stages: (readonly TocEntry[])[] = [
    division.elsewhere,
    division.before,
    division.early,
    [...division.indexes.values()].flat(),
    division.after,
    division.foreignKeys,
    division.comments,
    division.privileges,
    division.hypertableKeys,
    division.last,
  ];
  const place = new Map(
    stages.flatMap((entries, stage) => entries.map(({ dumpId }, at) => [dumpId, [stage, at]] as const)),
  );
  const names = new Map(archive.map(({ dumpId, kind, tag }) => [dumpId, `${kind} ${tag}`]));
  const isIndex = (entry: TocEntry | undefined) => entry?.kind === 'INDEX' || entry?.kind === 'CONSTRAINT';
  const entryOf = new Map(archive.map((entry) => [entry.dumpId, entry]));
  const early = archive.flatMap((entry) =>
    entry.dependencies
      .filter((needed) => place.has(needed) && isBefore(place.get(entry.dumpId), place.get(needed)))
      // The index of a partition and that of its table are made apart and attached later: either may come first.
      .filter((needed) => !(isIndex(entry) && isIndex(entryOf.get(needed))))
      .map((needed) => `${names.get(entry.dumpId)} comes before ${names.get(needed)}`),
  );
  expect(early).toEqual([]);
});

function isBefore(a: readonly number[] = [], b: readonly number[] = []): boolean {
  const [stageA = 0, atA = 0] = a;
  const [stageB = 0, atB = 0] = b;
  // Indexes run by table: their order among each other is the pool's.
  return stageA < stageB || (stageA === stageB && stageA !== 3 && atA < atB);
}

function dumpIdsOf({ indexes, ...lists }: Division): number[] {
  const entries = [...Object.values(lists).flat(), ...[...indexes.values()].flat()];
  return entries.map(({ dumpId }) => dumpId).sort((a, b) => a - b);
}

async function divide(
  pair: Pair,
  name: string,
  script: string,
): Promise<{ archive: TocEntry[]; division: Division }> {
  const { source, programs } = await makeDatabases(pair, name, script);
  const connection = parseConnection(source);
  const pgDump = await findPgDump(programs, 17, 17);
  const bytes = await runClientProgram(
    pgDump,
    ['--format=custom', '--schema-only', '--compress=0', '--encoding=UTF8'],
    await Session.open('source', connection),
  );
  const session = await Session.open('source', connection);
  try {
    const archive = [...readArchiveToc(bytes).entries];
    return { archive, division: divideArchive(archive, await readInventory(session)) };
  } finally {
    await session.close();
  }
}
