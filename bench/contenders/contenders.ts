import { execa } from 'execa';
import { GZIP_DEFAULT_LEVEL } from '../../src/postgres/archive/compression.js';
import type { Contender } from './contender.js';
import { pgDump, pgRestore, pgRestoreOfHyperferry, phases, recipe } from './dump-and-restore.js';
import { floor } from './floor.js';
import { hyperferryDump, hyperferryMigrate, hyperferryRestore, type Workers } from './hyperferry.js';
import { pgcopydb } from './pgcopydb.js';

/** A database to a server, to a folder, or from a folder. */
export const COURSES = ['migrate', 'dump', 'restore'] as const;

/** What the contenders are made for. */
export interface Field {
  readonly what: (typeof COURSES)[number];
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
  const workers = workersOf(field);
  const first = workers.slice(0, 1);
  switch (field.what) {
    case 'migrate':
      return [
        ...workers.map((each) => hyperferryMigrate('none', each)),
        ...first.map((each) => hyperferryMigrate('checksums', each)),
        recipe,
        phases(jobs),
        ...(await pgcopydbs(field, jobs)),
        ...(field.isFarAway ? [] : [floor(jobs)]),
      ];
    case 'dump':
      return [
        ...field.jobs.map((each) => hyperferryDump('counts', each)),
        hyperferryDump('checksums', jobs),
        pgDump(jobs),
        pgDump(jobs, GZIP_DEFAULT_LEVEL),
      ];
    case 'restore':
      return [
        ...workers.map((each) => hyperferryRestore('none', each)),
        ...first.map((each) => hyperferryRestore('checksums', each)),
        pgRestore(jobs),
        pgRestoreOfHyperferry(jobs),
      ];
  }
}

function workersOf({ jobs, processes }: Field): readonly Workers[] {
  return jobs.flatMap((each) =>
    processes.filter((count) => count <= each).map((count) => ({ jobs: each, processes: count })),
  );
}

async function pgcopydbs({ pgcopydb: named }: Field, jobs: number): Promise<Contender[]> {
  const program = named ?? 'pgcopydb';
  const { failed } = await execa(program, ['--version'], { reject: false });
  if (!failed) return [pgcopydb(program, jobs)];
  if (named === undefined) return [];
  throw new Error(`expected a program that runs as --pgcopydb, but ${named} does not`);
}
