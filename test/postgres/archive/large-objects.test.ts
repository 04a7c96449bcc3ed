import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { findLargeObjects, readLargeObject } from '../../../src/postgres/archive/large-objects.js';
import type { Archive } from '../../../src/postgres/archive/open-archive.js';
import { makeDatabases } from '../../integration/databases.js';
import { apachePair } from '../../integration/servers.js';
import { query } from '../../integration/sql.js';
import { COMPRESSIONS, FORMATS, LARGE_OBJECTS, openDump, openFilesBelow } from './dumps.js';

for (const format of FORMATS) {
  test(`the large objects of a dump in the format ${format} are those of the server`, async () => {
    const name = `large_objects_${format.replaceAll(' ', '_')}`;
    const databases = await makeDatabases(await apachePair(), name, LARGE_OBJECTS);
    const expected = await query<{ oid: string; hash: string }>(
      databases.source,
      "SELECT oid::text, encode(sha256(lo_get(oid)), 'hex') AS hash FROM pg_largeobject_metadata ORDER BY pg_largeobject_metadata.oid",
    );
    expect(expected.map(({ oid }) => oid)).toEqual(['4711', '4712', '4713', '3000000000']);
    for (const compression of COMPRESSIONS) {
      const archive = await openDump(databases, format, compression);
      const found: typeof expected = [];
      for await (const { oid, content } of largeObjects(archive)) {
        const hash = createHash('sha256')
          .update(await buffer(content))
          .digest('hex');
        found.push({ oid: String(oid), hash });
      }
      expect(
        found.sort((a, b) => Number(a.oid) - Number(b.oid)),
        compression,
      ).toEqual(expected);
    }
  });

  test(`a large object that nobody reads to its end does not stand in the way of the next: ${format}`, async () => {
    const name = `large_objects_unread_${format.replaceAll(' ', '_')}`;
    const databases = await makeDatabases(await apachePair(), name, LARGE_OBJECTS);
    for (const compression of ['none', 'gzip', 'zstd']) {
      const archive = await openDump(databases, format, compression);
      const found: number[] = [];
      for await (const { oid, content } of largeObjects(archive)) {
        if (oid === 4713) for await (const _ of content) break;
        if (oid === 3000000000) expect(await buffer(content)).toEqual(Buffer.from('00ff0a5c2e0a0a0a', 'hex'));
        found.push(oid);
      }
      expect(found.sort((a, b) => a - b)).toEqual([4711, 4712, 4713, 3000000000]);
      await expect.poll(() => openFilesBelow(archive.path)).toEqual([]);
    }
  });
}

async function* largeObjects(archive: Archive) {
  const entries = archive.entries.filter(({ kind }) => kind === 'BLOBS');
  expect(entries.length).toBeGreaterThan(0);
  for (const entry of entries) {
    for await (const found of findLargeObjects(archive, entry)) {
      yield { oid: found.oid, content: readLargeObject(archive, found) };
    }
  }
}
