import type { CompressionAlgorithm } from './archive-header.js';
import { expectCompressionProgram } from './compression-program.js';
import { filesOf } from './expect-data.js';
import type { Archive } from './open-archive.js';

/**
 * Expects the programs that decompress the data of an archive to be there: before anything is made of any.
 * @throws HyperferryError `CLIENT_PROGRAM` that names the one that is missing
 */
export async function expectPrograms(archive: Archive): Promise<void> {
  const needed = await algorithmsOf(archive);
  for (const program of ['lz4', 'zstd'] as const) {
    if (needed.has(program)) await expectCompressionProgram(program);
  }
}

/** One of a file's header for all data in it; in a folder, each file has its own. */
async function algorithmsOf(archive: Archive): Promise<Set<CompressionAlgorithm>> {
  const { blocks, entries, header } = archive;
  if (blocks) return new Set(entries.some(({ hasData }) => hasData) ? [header.compression.algorithm] : []);
  const algorithms = new Set<CompressionAlgorithm>();
  for await (const { algorithm } of filesOf(archive)) algorithms.add(algorithm);
  return algorithms;
}
