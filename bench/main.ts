import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { execa } from 'execa';
import { type Server, startServer } from '../sandbox/index.js';
import { type Contender, contenders } from './contenders.js';
import type { Course } from './course.js';
import { type BenchDatabase, compressed, many, mixed, wide } from './databases.js';
import { type Measured, type Round, type Size, tableOf } from './results.js';
import { withClient } from './with-client.js';

const DATABASES: Record<string, () => BenchDatabase> = {
  wide: () => wide(6_000_000),
  'wide-1m': () => wide(1_000_000),
  'wide-10m': () => wide(10_000_000),
  many: () => many(5_000),
  'many-1k': () => many(1_000),
  'many-20k': () => many(20_000),
  mixed,
  compressed,
};

/** Times the contenders in turn, round by round, so that a machine that drifts drifts for all of them. */
async function main(): Promise<void> {
  const program = new Command('bench')
    .description('Time Hyperferry, its peers and the servers alone, side by side')
    .option('--rounds <n>', 'rounds', Number, 3)
    .option('--jobs <n>', 'workers', Number, 2)
    .option('--databases <names>', `of ${Object.keys(DATABASES).join(', ')}`, 'wide,many,mixed')
    .option('--large', 'also many-20k', false)
    .option('--only <text>', 'only contenders whose name holds the text')
    .option('--edition <edition>', 'apache or community', 'apache')
    .option(
      '--folder <folder>',
      'data folders and files go here; a memory file system by default',
      '/dev/shm',
    )
    .option('--out <file>', 'JSON of the results', 'bench-results.json')
    .parse();
  const options = program.opts<Options>();
  const folder = await mkdtemp(join(options.folder, 'hyperferry-bench-'));
  const { stdout: fileSystem } = await execa('stat', ['--file-system', '--format=%T', folder]);
  process.stdout.write(
    `${cpus().length} cores (${cpus()[0]?.model}), ${Math.round(totalmem() / 1e9)} GB of memory, data folders on ${fileSystem}\n`,
  );
  const taking = (await contenders()).filter(({ name }) => name.includes(options.only ?? ''));
  const names = [...options.databases.split(','), ...(options.large ? ['many-20k'] : [])];
  const results: Measured[] = [];
  const servers = await startServers(join(folder, 'servers'), options.edition);
  try {
    for (const name of names) {
      const database = DATABASES[name]?.();
      if (!database) throw new Error(`expected one of ${Object.keys(DATABASES).join(', ')}, got ${name}`);
      if (database.needsCommunity && options.edition !== 'community') {
        process.stdout.write(`\n${name}: left out, since it needs --edition community\n`);
        continue;
      }
      const measured = await measureDatabase(database, taking, servers, folder, options);
      process.stdout.write(`\n${tableOf(measured)}\n`);
      results.push(measured);
      await withClient(servers.source.url, (client) =>
        client.query(`DROP DATABASE ${database.name} WITH (FORCE)`),
      );
      await withClient(servers.target.url, (client) =>
        client.query(`DROP DATABASE ${database.name} WITH (FORCE)`),
      );
    }
    const machine = { cores: cpus().length, model: cpus()[0]?.model, fileSystem, jobs: options.jobs };
    await writeFile(
      options.out,
      `${JSON.stringify({ machine, edition: options.edition, results }, undefined, 2)}\n`,
    );
  } finally {
    await servers.source.stop();
    await servers.target.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Options {
  readonly rounds: number;
  readonly jobs: number;
  readonly databases: string;
  readonly large: boolean;
  readonly only?: string;
  readonly edition: 'apache' | 'community';
  readonly folder: string;
  readonly out: string;
}

interface Servers {
  readonly source: Server;
  readonly target: Server;
}

async function startServers(dataRoot: string, edition: 'apache' | 'community'): Promise<Servers> {
  await mkdir(dataRoot);
  const source = await startServer({ name: 'bench-source', dataRoot, edition });
  return { source, target: await startServer({ name: 'bench-target', dataRoot, edition }) };
}

async function measureDatabase(
  database: BenchDatabase,
  taking: readonly Contender[],
  servers: Servers,
  folder: string,
  { rounds, jobs }: Options,
): Promise<Measured> {
  await recreate(servers.source.url, database.name);
  const course: Course = {
    source: urlOf(servers.source.url, database.name),
    target: urlOf(servers.target.url, database.name),
    programs: servers.source.binFolder,
    folder,
    jobs,
  };
  await withClient(course.source, async (client) => {
    for (const statement of database.statements) await client.query(statement);
  });
  const size = await sizeOf(course.source);
  const entries = [];
  for (const contender of taking) {
    entries.push({
      name: contender.name,
      run: await contender.prepare(course),
      rounds: [] as Round[],
    });
  }
  for (let round = 0; round < rounds; round++) {
    for (const entry of entries) {
      await recreate(servers.target.url, database.name);
      const begun = performance.now();
      const usage = await entry.run();
      entry.rounds.push({ seconds: (performance.now() - begun) / 1000, ...usage });
    }
  }
  const { name, description } = database;
  return {
    database: name,
    description,
    size,
    contenders: entries.map(({ name, rounds }) => ({ name, rounds })),
  };
}

const READ_SIZE = `
SELECT pg_catalog.sum(s.n_live_tup)::float8 AS rows, pg_catalog.sum(pg_catalog.pg_table_size(s.relid))::float8 AS bytes
FROM pg_catalog.pg_stat_user_tables s WHERE s.schemaname NOT IN ('_timescaledb_catalog', '_timescaledb_config')`;

async function sizeOf(url: string): Promise<Size> {
  return withClient(url, async (client) => {
    const [size] = (await client.query<Size>(READ_SIZE)).rows;
    return size ?? { rows: 0, bytes: 0 };
  });
}

function urlOf(server: string, database: string): string {
  return server.replace(/\/postgres$/, `/${database}`);
}

async function recreate(server: string, database: string): Promise<void> {
  await withClient(server, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${database} TEMPLATE template0`);
    await client.query('CHECKPOINT');
  });
}

await main();
