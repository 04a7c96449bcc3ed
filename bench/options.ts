import { Command, Option } from 'commander';
import { COURSES } from './contenders/contenders.js';
import { type BenchDatabase, blobs, compressed, hugeRow, many, mixed, wide } from './databases.js';

export const DATABASES: Readonly<Record<string, () => BenchDatabase>> = {
  wide: () => wide(6_000_000),
  'wide-1m': () => wide(1_000_000),
  'wide-10m': () => wide(10_000_000),
  many: () => many(5_000),
  'many-1k': () => many(1_000),
  'many-20k': () => many(20_000),
  'many-100k': () => many(100_000, 100),
  mixed,
  compressed,
  blobs,
  'huge-row': hugeRow,
};

export interface Options {
  readonly what: (typeof COURSES)[number];
  readonly rounds: number;
  readonly jobs: readonly number[];
  readonly processes: readonly number[];
  readonly databases: readonly BenchDatabase[];
  readonly only?: string;
  readonly without?: string;
  readonly pgcopydb?: string;
  /** Milliseconds each way. */
  readonly latency: number;
  readonly edition: 'apache' | 'community';
  readonly folder: string;
  readonly out: string;
}

type Flags = Omit<Options, 'jobs' | 'processes' | 'databases'> & {
  readonly jobs?: string;
  readonly processes: string;
  readonly databases?: string;
  readonly large: boolean;
};

export function readOptions(): Options {
  const { jobs, processes, databases, large, ...rest } = new Command('bench')
    .description('Time Hyperferry, its peers and the servers alone, side by side')
    .addOption(new Option('--what <what>', 'what is timed').choices(COURSES).default('migrate'))
    .option('--rounds <n>', 'rounds', Number, 3)
    .option('--jobs <numbers>', 'workers; the peers get the first number (default: 2; with --latency: 2,4,8)')
    .option('--processes <numbers>', 'processes of hyperferry migrate', '1')
    .option(
      '--databases <names>',
      `of ${Object.keys(DATABASES).join(', ')} (default: wide,many,mixed, and compressed with the community edition)`,
    )
    .option('--large', 'also many-20k', false)
    .option('--only <texts>', 'only contenders whose name holds one of the texts, with commas between')
    .option('--without <texts>', 'no contender whose name holds one of the texts')
    .option('--pgcopydb <program>', 'where pgcopydb is; by default it takes part if it is on PATH')
    .option(
      '--latency <milliseconds>',
      'reach both servers by a long way: so much later, each way',
      Number,
      0,
    )
    .option('--edition <edition>', 'apache or community', 'apache')
    .option(
      '--folder <folder>',
      'data folders and files go here; a memory file system by default',
      '/dev/shm',
    )
    .option('--out <file>', 'JSON of the results', 'bench-results.json')
    .parse()
    .opts<Flags>();
  const byDefault = ['wide', 'many', 'mixed', ...(rest.edition === 'community' ? ['compressed'] : [])];
  const names = [...(databases?.split(',') ?? byDefault), ...(large ? ['many-20k'] : [])];
  return {
    ...rest,
    jobs: numbersOf(jobs ?? (rest.latency > 0 ? '2,4,8' : '2')),
    processes: numbersOf(processes),
    databases: names.map(databaseOf),
  };
}

function numbersOf(text: string): number[] {
  const numbers = text.split(',').map(Number);
  if (numbers.every((number) => Number.isInteger(number) && number > 0)) return numbers;
  throw new Error(`expected whole numbers from 1 with commas between, got ${text}`);
}

function databaseOf(name: string): BenchDatabase {
  const database = DATABASES[name]?.();
  if (database) return database;
  throw new Error(`expected one of ${Object.keys(DATABASES).join(', ')}, got ${name}`);
}
