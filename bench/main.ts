import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { type Server, startServer } from '../sandbox/index.js';
import { contenders } from './contenders/contenders.js';
import { databaseDestination, dumpDestination } from './destination.js';
import { type FarAway, roundTrip, startFarAway } from './far-away/far-away.js';
import { measureDatabase } from './measure-database.js';
import { type Options, readOptions } from './options.js';
import { type Measured, tableOf } from './results.js';
import { withClient } from './with-client.js';

/** Times the contenders over one database after the other, and tells what they were measured on. */
async function main(): Promise<void> {
  const options = readOptions();
  const { only, without, latency } = options;
  const taking = (await contenders({ ...options, isFarAway: latency > 0 })).filter(
    ({ name }) => (!only || holdsOne(name, only)) && !(without && holdsOne(name, without)),
  );
  const folder = await mkdtemp(join(options.folder, 'hyperferry-bench-'));
  const machine = await describeMachine(folder);
  const results: Measured[] = [];
  const servers = await startServers(join(folder, 'servers'), options.edition);
  const end = once(async () => {
    await servers.source.stop();
    await servers.target.stop();
    await rm(folder, { recursive: true, force: true });
  });
  // The servers would run on without.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => end().then(() => process.exit(130)));
  const postmasters = await Promise.all([servers.source, servers.target].map(postmasterOf));
  let farAway: FarAway | undefined;
  try {
    if (latency > 0) farAway = await beFarAway(servers, latency);
    for (const database of options.databases) {
      if (database.needsCommunity && options.edition !== 'community') {
        say(`\n${database.name}: left out, since it needs --edition community`);
        continue;
      }
      const measured = await inFolder(join(folder, database.name), async (own) => {
        const near = {
          source: urlOf(servers.source, database.name),
          target: urlOf(servers.target, database.name),
          dump: join(own, 'dumped'),
          programs: servers.source.binFolder,
          folder: own,
        };
        return measureDatabase(database, taking, {
          source: near.source,
          destination: options.what === 'dump' ? dumpDestination(near) : databaseDestination(near),
          course: {
            ...near,
            source: farAway?.url(near.source) ?? near.source,
            target: farAway?.url(near.target) ?? near.target,
          },
          rounds: options.rounds,
          postmasters,
        });
      });
      say(`\n${tableOf(measured)}`);
      results.push(measured);
      for (const { url } of [servers.source, servers.target]) {
        await withClient(url, (client) =>
          client.query(`DROP DATABASE IF EXISTS ${database.name} WITH (FORCE)`),
        );
      }
    }
    await writeResults(options, machine, results);
  } finally {
    await sayWhatProxyUsed(farAway);
    await end();
  }
}

function holdsOne(name: string, texts: string): boolean {
  return texts.split(',').some((text) => name.includes(text));
}

interface Servers {
  readonly source: Server;
  readonly target: Server;
}

/** pg_dump locks all that it dumps: with PostgreSQL's 64, no peer can dump 20,000 chunks. */
const SETTINGS = { max_locks_per_transaction: '512' };

async function startServers(dataRoot: string, edition: 'apache' | 'community'): Promise<Servers> {
  await mkdir(dataRoot);
  const options = { dataRoot, edition, settings: SETTINGS };
  const source = await startServer({ name: 'bench-source', ...options });
  return { source, target: await startServer({ name: 'bench-target', ...options }) };
}

/** The first line of the file is the process id. */
async function postmasterOf({ dataFolder }: Server): Promise<number> {
  return Number.parseInt(await readFile(join(dataFolder, 'postmaster.pid'), 'utf8'), 10);
}

/** A folder for as long as `work` needs it. */
async function inFolder<T>(folder: string, work: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(folder);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function beFarAway({ source, target }: Servers, latency: number): Promise<FarAway> {
  const farAway = await startFarAway([source.url, target.url], latency);
  const [near, far] = [await roundTrip(source.url), await roundTrip(farAway.url(source.url))];
  say(
    `${latency} ms each way: a query that does nothing takes ${far.toFixed(1)} ms, and ${near.toFixed(1)} ms without the way`,
  );
  return farAway;
}

async function sayWhatProxyUsed(farAway: FarAway | undefined): Promise<void> {
  const usage = await farAway?.end();
  if (usage) say(`\nthe way itself used ${usage.cpuSeconds.toFixed(1)} s of processor time in all`);
}

interface Machine {
  readonly cores: number;
  readonly model: string | undefined;
  readonly fileSystem: string;
}

async function describeMachine(folder: string): Promise<Machine> {
  const { stdout: fileSystem } = await execa('stat', ['--file-system', '--format=%T', folder]);
  const [cores, model] = [cpus().length, cpus()[0]?.model];
  say(
    `${cores} cores (${model}), ${Math.round(totalmem() / 1e9)} GB of memory, data folders on ${fileSystem}, Node.js ${process.versions.node}`,
  );
  return { cores, model, fileSystem };
}

async function writeResults(options: Options, machine: Machine, results: readonly Measured[]): Promise<void> {
  const { what, edition, rounds, jobs, processes, latency } = options;
  const document = { machine, what, edition, rounds, jobs, processes, latency, results };
  await writeFile(options.out, `${JSON.stringify(document, undefined, 2)}\n`);
}

function urlOf({ url }: Server, database: string): string {
  return Object.assign(new URL(url), { pathname: `/${database}` }).href;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

await main();
