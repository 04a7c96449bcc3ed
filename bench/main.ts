import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import pg from 'pg';
import { startServer } from '../sandbox/index.js';
import { CONTENDERS, type Course } from './contenders.js';
import { type BenchDatabase, many, wide } from './databases.js';

const DATABASES: Record<string, () => BenchDatabase> = {
  'wide-1m': () => wide(1_000_000),
  wide: () => wide(6_000_000),
  'wide-10m': () => wide(10_000_000),
  many: () => many(5_000),
};

interface Measured {
  readonly database: string;
  readonly contender: string;
  readonly seconds: readonly number[];
}

/** Times the contenders in turn, round by round, so that a machine that drifts drifts for all of them. */
async function main(): Promise<void> {
  const program = new Command('bench')
    .option('--rounds <n>', 'rounds', Number, 3)
    .option('--jobs <n>', 'workers', Number, 2)
    .option('--databases <names>', `of ${Object.keys(DATABASES).join(', ')}`, 'wide,many')
    .option('--edition <edition>', 'apache or community', 'apache')
    .option('--folder <folder>', 'data folders and files go here', '/dev/shm')
    .option('--out <file>', 'JSON of the results', 'bench-results.json')
    .parse();
  const options = program.opts();
  const folder = await mkdtemp(join(options.folder ?? tmpdir(), 'hyperferry-bench-'));
  const dataRoot = join(folder, 'servers');
  await mkdir(dataRoot);
  const [source, target] = await Promise.all(
    ['bench-source', 'bench-target'].map((name) => startServer({ name, dataRoot, edition: options.edition })),
  );
  if (!source || !target) throw new Error('the servers did not start');
  const results: Measured[] = [];
  try {
    for (const name of options.databases.split(',')) {
      const database = DATABASES[name]?.();
      if (!database) throw new Error(`expected one of ${Object.keys(DATABASES).join(', ')}, got ${name}`);
      await recreate(source.url, database.name);
      await build(urlOf(source.url, database.name), database);
      const seconds = new Map(CONTENDERS.map((contender) => [contender.name, [] as number[]]));
      for (let round = 0; round < options.rounds; round++) {
        for (const contender of CONTENDERS) {
          await recreate(target.url, database.name);
          const course: Course = {
            source: urlOf(source.url, database.name),
            target: urlOf(target.url, database.name),
            programs: source.binFolder,
            folder,
            jobs: options.jobs,
          };
          const begun = performance.now();
          await contender.run(course);
          seconds.get(contender.name)?.push((performance.now() - begun) / 1000);
        }
      }
      show(database, seconds);
      for (const [contender, times] of seconds) results.push({ database: name, contender, seconds: times });
    }
    await writeFile(
      options.out,
      JSON.stringify({ cores: cpus().length, folder: options.folder, results }, undefined, 2),
    );
  } finally {
    await source.stop();
    await target.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function show(database: BenchDatabase, seconds: ReadonlyMap<string, readonly number[]>): void {
  process.stdout.write(`\n${database.name}: ${database.description}\n`);
  const first = median([...seconds.values()][0] ?? []);
  for (const [contender, times] of seconds) {
    const middle = median(times);
    process.stdout.write(
      `  ${contender.padEnd(34)}${middle.toFixed(1).padStart(7)} s  ${(middle / first).toFixed(2).padStart(6)}  (${times.map((time) => time.toFixed(1)).join(', ')})\n`,
    );
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
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

async function build(url: string, database: BenchDatabase): Promise<void> {
  await withClient(url, async (client) => {
    for (const statement of database.statements) await client.query(statement);
  });
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

await main();
