import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cleanEnvironment } from '../clean-environment.js';
import type { Course } from '../course.js';

export interface Definitions {
  /** Files of SQL: all that is made before rows but chunks, then the chunks of each hypertable, largest first. */
  readonly first: string;
  readonly chunks: readonly string[];
  /** The rows of the extension's catalog. */
  readonly catalog: string;
  /** All that is made after rows, for whoever is free to take. */
  readonly statements: readonly string[];
}

/** A line of an archive's list that is about a chunk, and the number of its hypertable. */
const CHUNK = / _timescaledb_internal (?:_|compress_)hyper_(\d+)_\d+_chunk /;

/** One connection a hypertable: `CREATE TABLE … INHERITS` locks the parent, so that a second one would wait. */
export async function writeDefinitions({ source, programs }: Course, files: string): Promise<Definitions> {
  const run = async (program: string, parameters: readonly string[]): Promise<string> =>
    (await execa(program, parameters, cleanEnvironment(programs))).stdout;
  const dump = (...parameters: string[]): Promise<string> =>
    run('pg_dump', ['-d', source, '--no-owner', '--no-privileges', ...parameters]);
  const archive = join(files, 'archive');
  await dump('--section=pre-data', '-Fc', '-f', archive);
  const lists = new Map<string, string[]>();
  for (const line of (await run('pg_restore', ['-l', archive])).split('\n')) {
    const name = CHUNK.exec(line)?.[1] ?? 'first';
    lists.set(name, [...(lists.get(name) ?? []), line]);
  }
  const scripts = await Promise.all(
    [...lists].map(async ([name, lines]) => {
      const [list, script] = [join(files, `list-${name}`), join(files, `script-${name}`)];
      await writeFile(list, `${lines.join('\n')}\n`);
      await run('pg_restore', ['--no-owner', '--no-privileges', '-L', list, '-f', script, archive]);
      return { name, script, length: lines.length };
    }),
  );
  const catalog = join(files, 'catalog');
  await writeFile(
    catalog,
    await dump('--section=data', '-t', '_timescaledb_catalog.*', '-t', '_timescaledb_config.*'),
  );
  return {
    first: join(files, 'script-first'),
    chunks: scripts
      .filter(({ name }) => name !== 'first')
      .toSorted((a, b) => b.length - a.length)
      .map(({ script }) => script),
    catalog,
    statements: statementsOf(await dump('--section=post-data')),
  };
}

function statementsOf(script: string): string[] {
  return script
    .split('\n')
    .filter((line) => !line.startsWith('--') && !/^(SET|SELECT pg_catalog\.set_config|\\)/.test(line))
    .join('\n')
    .split(/;\n/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}
