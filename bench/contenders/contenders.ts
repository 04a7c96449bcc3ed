import { execa } from 'execa';
import type { Contender } from './contender.js';
import { phases, recipe } from './dump-and-restore.js';
import { floor } from './floor.js';
import { hyperferry } from './hyperferry.js';
import { pgcopydb } from './pgcopydb.js';

/** What the contenders are made for. */
export interface Field {
  /** Numbers of workers for Hyperferry; the others get the first. */
  readonly jobs: readonly number[];
  /** Numbers of processes for Hyperferry. */
  readonly processes: readonly number[];
  /** A program; by default the one on PATH, where there is one. */
  readonly pgcopydb?: string;
  /** Whether they reach the servers through a delay: who has no client then is no contender. */
  readonly isFarAway: boolean;
}

/** Those that this machine has. */
export async function contenders(field: Field): Promise<readonly Contender[]> {
  const [jobs = 1] = field.jobs;
  const workers = field.jobs.flatMap((each) =>
    field.processes.filter((processes) => processes <= each).map((processes) => ({ jobs: each, processes })),
  );
  return [
    ...workers.map((each) => hyperferry('none', each)),
    ...workers.slice(0, 1).map((each) => hyperferry('checksums', each)),
    recipe,
    phases(jobs),
    ...(await pgcopydbs(field, jobs)),
    ...(field.isFarAway ? [] : [floor(jobs)]),
  ];
}

async function pgcopydbs({ pgcopydb: named }: Field, jobs: number): Promise<Contender[]> {
  const program = named ?? 'pgcopydb';
  const { failed } = await execa(program, ['--version'], { reject: false });
  if (!failed) return [pgcopydb(program, jobs)];
  if (named === undefined) return [];
  throw new Error(`expected a program that runs as --pgcopydb, but ${named} does not`);
}
